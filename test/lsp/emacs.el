;; Drives the language server through eglot; the environment's SSAE_RESULTS is where what was seen is written to, as JSON.
(find-file "notes.txt")
(let ((server (apply #'eglot--connect (eglot--guess-contact))) seen)
  (goto-char 8)
  (push (cons 'hover
              (plist-get (plist-get (jsonrpc-request server :textDocument/hover (eglot--TextDocumentPositionParams)
                                                     :timeout 60)
                                    :contents)
                         :value))
        seen)
  (search-forward "lichen")
  (let ((actions (eglot-code-actions (- (point) 6) (point))))
    (push (cons 'actions (vconcat (mapcar (lambda (action) (plist-get action :title)) actions))) seen)
    (eglot-execute-command server
                           (intern (plist-get (plist-get (car actions) :command) :command))
                           (plist-get (plist-get (car actions) :command) :arguments)))
  (with-temp-file (getenv "SSAE_RESULTS") (insert (json-encode seen)))
  (eglot-shutdown server))
