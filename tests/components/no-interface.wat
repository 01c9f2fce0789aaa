;; A component that exports neither interface of the contract.
(component
  (instance $nothing)
  (export "acme:other/thing" (instance $nothing))
)
