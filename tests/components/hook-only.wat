;; Exports the interface of hooks only.
(component
  (instance $nothing)
  (export "perfbox:plugin/phase-hook@0.2.0" (instance $nothing))
)
