;; Asks for HTTP, which no plugin has.
(component
  (import "wasi:http/types@0.2.0" (instance
    (export "fields" (type (sub resource)))
  ))
  (instance $nothing)
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
)
