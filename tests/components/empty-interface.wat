;; The interface's name, and none of its functions.
(component
  (instance $nothing)
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
)
