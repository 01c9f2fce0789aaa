;; Built for a contract to come.
(component
  (instance $nothing)
  (export "perfbox:plugin/post-processor@0.3.0" (instance $nothing))
)
