;; Version 2 of the plugin `asks-little`: it asks for everything that there is a word for
;; but the clock, and for what no perfbox has, with words that would harm a terminal.
(component $acme-audit
  (import "acme:secrets/vault\1b[31m@1.0.0" (instance))
  (import "perfbox:plugin/batches@0.2.0" (instance))
  (import "perfbox:plugin/logging@0.2.0" (instance))
  (import "sockets" (instance))
  (import "wasi:cli/environment@0.2.6" (instance))
  (import "wasi:cli/stdout@0.2.6" (instance))
  (import "wasi:filesystem/types@0.2.6" (instance))
  (import "wasi:http/outgoing-handler@0.2.6" (instance))
  (import "wasi:io/streams@0.2.6" (instance))
  (import "wasi:random/random@0.2.6" (instance))
  (import "wasi:sockets/tcp@0.2.6" (instance))
  (import "wasi:sockets/udp@0.2.6" (instance))
  (instance $nothing)
  (export "perfbox:plugin/phase-hook@0.2.0" (instance $nothing))
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
  (@custom "perfbox:offers" "{\"contract\": \"perfbox:plugin@0.2.0\", \"implementations\": ["
    "{\"category\": \"phase_hook\", \"class\": \"tell\", \"description\": \"\", \"config_params\": []},"
    "{\"category\": \"post_processor\", \"class\": \"audit\", \"description\": \"Audits\\u001b[2J records\","
     "\"config_params\": ["
       "{\"name\": \"limit\", \"type\": \"float\", \"default\": 5.0, \"description\": \"Longest latency, in ms\"},"
       "{\"name\": \"paths\", \"type\": \"list<string>\", \"default\": [\"a\\n\"], \"description\": \"\\u202eelif\"}]}]}")
  (@custom "version" "2.0.0\0aok")
  (@custom "authors" "Acme <tools@acme.example>")
  (@custom "source" "https://acme.example/audit")
)
