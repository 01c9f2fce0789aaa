;; Asks the host for a function that no perfbox has.
(component
  (import "acme:secrets/vault@1.0.0" (instance
    (export "open" (func (param "name" string) (result string)))
  ))
  (instance $nothing)
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
)
