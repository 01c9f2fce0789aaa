;; A core module, as wasm32-wasip1 makes them.
(module
  (func (export "run"))
)
