;; Version 1 of a plugin: it logs, reads records, tells the time. `asks-much` is what
;; becomes of it.
(component $acme-audit
  (import "perfbox:plugin/batches@0.2.0" (instance))
  (import "perfbox:plugin/logging@0.2.0" (instance))
  (import "wasi:clocks/wall-clock@0.2.6" (instance))
  (import "wasi:io/streams@0.2.6" (instance))
  (instance $nothing)
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
  (@custom "perfbox:offers" "{\"contract\": \"perfbox:plugin@0.2.0\", \"implementations\": ["
    "{\"category\": \"post_processor\", \"class\": \"audit\", \"description\": \"Audits records\","
     "\"config_params\": ["
       "{\"name\": \"limit\", \"type\": \"float\", \"default\": 2.5, \"description\": \"Longest latency, in ms\"},"
       "{\"name\": \"label\", \"type\": \"string\", \"description\": \"Column to group by\"}]}]}")
  (@custom "version" "1.0.0")
  (@custom "authors" "Acme <tools@acme.example>")
  (@custom "licenses" "MIT")
  (@custom "homepage" "\ff\fe is no UTF-8")
)
