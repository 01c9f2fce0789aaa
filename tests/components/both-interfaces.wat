;; Exports both interfaces of the contract by name, and has no section of offers.
(component
  (instance $nothing)
  (export "perfbox:plugin/phase-hook@0.2.0" (instance $nothing))
  (export "perfbox:plugin/post-processor@0.2.0" (instance $nothing))
)
