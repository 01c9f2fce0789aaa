;; A section of offers that is not what the SDK writes.
(component
  (@custom "perfbox:offers" "{\"implementations\": [{\"category\": \"endpoint\"}]}")
)
