-- Drives the language server as a person does; vim.g.ssae_results is where what was seen is written to, as JSON.
local seen = {}

local function wait(what, ready)
  if not vim.wait(60000, ready, 50) then
    error('waited in vain: ' .. what)
  end
end

local function drive()
  vim.cmd('edit notes.txt')
  local buffer = vim.api.nvim_get_current_buf()
  wait('the server', function()
    local _, client = next(vim.lsp.buf_get_clients(buffer))
    return client ~= nil and client.initialized
  end)
  local _, client = next(vim.lsp.buf_get_clients(buffer))

  vim.api.nvim_win_set_cursor(0, { 1, 7 })
  vim.lsp.buf.hover()
  local float
  wait('the hover', function()
    for _, window in ipairs(vim.api.nvim_list_wins()) do
      if vim.api.nvim_win_get_config(window).relative ~= '' then
        float = window
      end
    end
    return float ~= nil
  end)
  seen.hover = vim.api.nvim_buf_get_lines(vim.api.nvim_win_get_buf(float), 0, -1, true)
  vim.api.nvim_win_close(float, true)

  -- A selection of the word "lichen" on line 3, and the action of a menu that a person would choose.
  vim.ui.select = function(items, _, choose)
    seen.actions = vim.tbl_map(function(item)
      return item[2].title
    end, items)
    choose(items[1], 1)
  end
  vim.lsp.buf.range_code_action({ only = { 'ssae' } }, { 3, 2 }, { 3, 7 })
  wait('the seed set', function()
    return vim.fn.filereadable('.ssae/seeds/seeds.jsonl') == 1
  end)

  vim.lsp.codelens.refresh()
  wait('the lens', function()
    return #vim.lsp.codelens.get(buffer) > 0
  end)
  seen.lens = vim.lsp.codelens.get(buffer)[1].command.title

  local document = vim.lsp.util.make_text_document_params(buffer)
  local function ask(method, params)
    local answers, err = vim.lsp.buf_request_sync(buffer, method, params, 60000)
    assert(answers, err)
    return answers[client.id].result
  end
  seen.tokens = ask('textDocument/semanticTokens/full', { textDocument = document }).data
  local range = { start = { line = 0, character = 0 }, ['end'] = { line = 4, character = 0 } }
  seen.hints = ask('textDocument/inlayHint', { textDocument = document, range = range })

  -- An edit as Neovim sends it, then the same question.
  vim.api.nvim_buf_set_text(buffer, 0, 4, 0, 13, { 'microscope' })
  seen.edited = ask('textDocument/semanticTokens/full', { textDocument = document }).data
  vim.api.nvim_buf_set_text(buffer, 0, 4, 0, 14, { 'telescope' })
  seen.undone = ask('textDocument/semanticTokens/full', { textDocument = document }).data

  vim.lsp.stop_client(client.id)
  wait('the end of the server', function()
    return client.is_stopped()
  end)
end

local ok, err = pcall(drive)
seen.error = not ok and tostring(err) or nil
vim.fn.writefile({ vim.fn.json_encode(seen) }, vim.g.ssae_results)
vim.cmd('qall!')
