// The Node-API build: dictionaries as external values; a call runs on threads of its own, off the event loop.
//
// No state outlives an environment, so the addon can be loaded in any number of worker threads.
#include <node_api.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <vector>
#if defined(__SSE2__)
#include <xmmintrin.h>
#endif
#if defined(__linux__)
#include <sys/resource.h>
#elif defined(__APPLE__)
#include <pthread/qos.h>
#endif

#include "calls.h"

using namespace ssae;

namespace ssae {

constexpr std::align_val_t kAlignment{64};

void* allocate(size_t bytes) { return operator new(bytes, kAlignment, std::nothrow); }

void release(void* block, size_t) {
  if (block != nullptr) operator delete(block, kAlignment);
}

// One pair for all teams: a sleeper that was meant for another word looks again and goes back to sleep.
static std::mutex sleepers;
static std::condition_variable woken;

void waitWhileEqual(uint32_t* word, uint32_t value) {
  for (int spin = 0; spin < 2000; spin++)
    if (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) return;
  std::unique_lock<std::mutex> lock(sleepers);
  woken.wait(lock, [&] { return __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; });
}

void wakeAll(uint32_t*) {
  { std::lock_guard<std::mutex> lock(sleepers); }
  woken.notify_all();
}

}  // namespace ssae

namespace {

// On Linux a thread has a priority of its own. Training runs below everything interactive; what else is asked for runs like the thread
// that asks, so that a query is no slower than its daemon, and a job's questions stay below it.
int priorityOf(const Dictionary& dictionary) {
#if defined(__linux__)
  const int asking = getpriority(PRIO_PROCESS, 0);
  const bool trains = dictionary.moving.capacity() > 0;
  return trains && asking < 10 ? 10 : asking;
#else
  return 0;
#endif
}

// Subnormal numbers count as zero.
void beComputeThread(int priority) {
#if defined(__linux__)
  setpriority(PRIO_PROCESS, 0, priority);
#elif defined(__APPLE__)
  (void)priority;
  pthread_set_qos_class_self_np(QOS_CLASS_UTILITY, 0);
#endif
#if defined(__SSE2__)
  _mm_setcsr(_mm_getcsr() | 0x8040);
#endif
}

struct Job {
  Dictionary* dictionary;
  uint32_t call, threads;
  int priority;
  napi_ref owner;
  napi_deferred deferred;
  napi_async_work work;
};

// Runs the call on as many threads as the system lets us have, at least one. None starts before their number is known.
void execute(napi_env, void* data) {
  Job& job = *static_cast<Job*>(data);
  std::mutex starting;
  std::vector<std::thread> threads;
  {
    std::lock_guard<std::mutex> hold(starting);
    try {
      for (uint32_t thread = 0; thread < job.threads; thread++)
        threads.emplace_back([&job, &starting, thread] {
          { std::lock_guard<std::mutex> wait(starting); }
          beComputeThread(job.priority);
          run(*job.dictionary, job.call, thread);
        });
    } catch (const std::system_error&) {
      if (threads.empty()) job.dictionary->results.outOfMemory = 1;
    }
    job.dictionary->team.begin(static_cast<uint32_t>(threads.size()));
  }
  for (std::thread& thread : threads) thread.join();
}

void complete(napi_env env, napi_status, void* data) {
  Job* job = static_cast<Job*>(data);
  napi_value nothing;
  napi_get_undefined(env, &nothing);
  napi_resolve_deferred(env, job->deferred, nothing);
  napi_delete_reference(env, job->owner);
  napi_delete_async_work(env, job->work);
  delete job;
}

struct Arguments {
  napi_value values[6];
  napi_env env;

  Arguments(napi_env environment, napi_callback_info info) : env(environment) {
    size_t count = 6;
    napi_get_cb_info(env, info, &count, values, nullptr, nullptr);
  }
  uint32_t number(int index) const {
    uint32_t value = 0;
    napi_get_value_uint32(env, values[index], &value);
    return value;
  }
  // The slot that holds the dictionary; emptied by `dispose`.
  Dictionary** slot() const {
    void* data = nullptr;
    napi_get_value_external(env, values[0], &data);
    return static_cast<Dictionary**>(data);
  }
};

napi_value createDictionary(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Dictionary* dictionary = new (std::nothrow) Dictionary();
  napi_value result;
  napi_get_null(env, &result);
  if (dictionary == nullptr) return result;
  if (!prepare(*dictionary, arguments.number(0), arguments.number(1), arguments.number(2), arguments.number(3),
               arguments.number(4), arguments.number(5))) {
    delete dictionary;
    return result;
  }
  const auto finalize = [](napi_env, void* data, void*) {
    Dictionary** slot = static_cast<Dictionary**>(data);
    delete *slot;
    delete slot;
  };
  napi_create_external(env, new Dictionary*(dictionary), finalize, nullptr, &result);
  return result;
}

napi_value disposeDictionary(napi_env env, napi_callback_info info) {
  Dictionary** slot = Arguments(env, info).slot();
  delete *slot;
  *slot = nullptr;
  return nullptr;
}

// (dictionary, region, array, direction, first): copies between a region and an array; 0 writes, 1 reads. `first` is the number in the
// region, of a matrix its row, where the array begins. False: no memory.
napi_value copyRegion(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Dictionary& d = **arguments.slot();
  const uint32_t which = arguments.number(1);
  const bool reads = arguments.number(3) == 1;
  napi_typedarray_type type;
  size_t length = 0;
  void* data = nullptr;
  napi_get_typedarray_info(env, arguments.values[2], &type, &length, &data, nullptr, nullptr);
  const size_t width = type == napi_float64_array ? 8 : type == napi_uint8_array ? 1 : type == napi_uint16_array ? 2 : 4;
  const Rows rowLayout = rowsOf(d, which);
  const bool isMatrix = rowLayout.columns > 0;
  const size_t columns = isMatrix ? rowLayout.columns : length, stride = isMatrix ? rowLayout.stride : length;
  const size_t rows = columns == 0 ? 0 : length / columns;
  const size_t first = arguments.number(4) * (isMatrix ? stride : 1);
  char* start = static_cast<char*>(region(d, which, first + rows * stride));
  napi_value copied;
  napi_get_boolean(env, start != nullptr, &copied);
  if (start == nullptr) return copied;
  start += first * width;
  char* outside = static_cast<char*>(data);
  for (size_t row = 0; row < rows; row++) {
    char *inner = start + row * stride * width, *outer = outside + row * columns * width;
    memcpy(reads ? outer : inner, reads ? inner : outer, columns * width);
    if (!reads) memset(inner + columns * width, 0, (stride - columns) * width);
  }
  return copied;
}

napi_value parametersWritten(napi_env env, napi_callback_info info) {
  written(**Arguments(env, info).slot());
  return nullptr;
}

// (dictionary, call, threads): a promise that is kept when the call is done.
napi_value runDictionary(napi_env env, napi_callback_info info) {
  const Arguments arguments(env, info);
  Dictionary* dictionary = *arguments.slot();
  Job* job = new Job{dictionary, arguments.number(1), arguments.number(2), priorityOf(*dictionary), nullptr, nullptr, nullptr};
  napi_value promise, name;
  napi_create_promise(env, &job->deferred, &promise);
  napi_create_reference(env, arguments.values[0], 1, &job->owner);
  napi_create_string_utf8(env, "ssae", NAPI_AUTO_LENGTH, &name);
  napi_create_async_work(env, nullptr, name, execute, complete, job, &job->work);
  napi_queue_async_work(env, job->work);
  return promise;
}

napi_value initialise(napi_env env, napi_value exports) {
  const napi_property_descriptor properties[] = {
      {"create", nullptr, createDictionary, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"dispose", nullptr, disposeDictionary, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"copy", nullptr, copyRegion, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"parametersWritten", nullptr, parametersWritten, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
      {"run", nullptr, runDictionary, nullptr, nullptr, nullptr, napi_enumerable, nullptr},
  };
  napi_define_properties(env, exports, sizeof(properties) / sizeof(properties[0]), properties);
  napi_value instructions;
  napi_create_string_utf8(env, INSTRUCTIONS, NAPI_AUTO_LENGTH, &instructions);
  napi_set_named_property(env, exports, "instructions", instructions);
  return exports;
}

}  // namespace

NAPI_MODULE(ssae_engine, initialise)
