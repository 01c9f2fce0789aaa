;; A healthy processor, written by hand. Hostile ones are made of it: text takes the place
;; of a mark, which is a comment that begins with `in` or `more`. As it stands, it takes
;; every batch in and returns one metric, `good`, whose value is 1.
;;
;; Offsets are those of the component model's canonical ABI. What a function returns lies
;; at 1024, in memory that the functions never free, since each is called a few times.
(component
  (type $types (instance
    (type $error-kind' (enum "invalid-config" "invalid-input" "io" "other"))
    (export "error-kind" (type $error-kind (eq $error-kind')))
    (type $plugin-error' (record (field "kind" $error-kind) (field "message" string)))
    (export "plugin-error" (type $plugin-error (eq $plugin-error')))
    (type $phase' (record (field "name" string) (field "kind" string) (field "index" u32)))
    (export "phase" (type $phase (eq $phase')))
    (type $phase-stats' (record
      (field "sent" u64) (field "completed" u64) (field "errors" u64) (field "cancelled" u64)
      (field "in-flight" u64) (field "sent-sessions" u64) (field "completed-sessions" u64)
      (field "start-ns" (option u64)) (field "sending-complete-ns" (option u64))
      (field "end-ns" (option u64)) (field "expected-requests" (option u64))
      (field "expected-duration-ns" (option u64)) (field "timed-out" bool)))
    (export "phase-stats" (type $phase-stats (eq $phase-stats')))
    (type $phase-bounds' (enum "reported" "from-records"))
    (export "phase-bounds" (type $phase-bounds (eq $phase-bounds')))
    (type $phase-summary' (record
      (field "phase" $phase) (field "stats" $phase-stats) (field "bounds" $phase-bounds)))
    (export "phase-summary" (type (eq $phase-summary')))
    (type $quantile' (record
      (field "percent" f64) (field "value" f64) (field "unreliable" bool)))
    (export "quantile" (type $quantile (eq $quantile')))
    (type $distribution' (record
      (field "count" u64) (field "sum" f64) (field "avg" f64) (field "min" f64)
      (field "max" f64) (field "std" f64) (field "quantiles" (list $quantile))
      (field "method" string)))
    (export "distribution" (type $distribution (eq $distribution')))
    (type $metric-value' (variant
      (case "count" u64) (case "number" f64) (case "distribution" $distribution)))
    (export "metric-value" (type $metric-value (eq $metric-value')))
    (type $metric' (record
      (field "name" string) (field "phase" (option string))
      (field "labels" (list (tuple string string))) (field "unit" string)
      (field "basis" (option string)) (field "value" $metric-value)))
    (export "metric" (type $metric (eq $metric')))
    (type $processing-result' (record
      (field "metrics" (list $metric)) (field "report" (option string))))
    (export "processing-result" (type (eq $processing-result')))
  ))
  (import "perfbox:plugin/types@0.2.0" (instance $types (type $types)))
  (alias export $types "phase" (type $phase))
  (type $batches (instance
    (alias outer 1 $phase (type $outer-phase))
    (export "phase" (type $phase (eq $outer-phase)))
    (type $dictionary-texts' (record
      (field "dictionary" (list string)) (field "codes" (list u32))))
    (export "dictionary-texts" (type $dictionary-texts (eq $dictionary-texts')))
    (type $f64-lists' (record (field "values" (list f64)) (field "offsets" (list u32))))
    (export "f64-lists" (type $f64-lists (eq $f64-lists')))
    (type $column-values' (variant
      (case "u64s" (list u64)) (case "f64s" (list f64)) (case "texts" $dictionary-texts)
      (case "lists" $f64-lists)))
    (export "column-values" (type $column-values (eq $column-values')))
    (type $column' (record
      (field "name" string) (field "unit" string) (field "values" $column-values)
      (field "validity" (option (list u8)))))
    (export "column" (type $column (eq $column')))
    (type $batch' (record
      (field "phase" $phase) (field "len" u32) (field "columns" (list $column))
      (field "over-exact-memory" bool)))
    (export "batch" (type (eq $batch')))
  ))
  (import "perfbox:plugin/batches@0.2.0" (instance $batches (type $batches)))

  ;; Functions of a resource are exported under such names by a component alone, not by an
  ;; instance that is put together; so the plugin is a component in this one.
  (component $plugin
    (import "types" (instance $types (type $types)))
    (alias export $types "plugin-error" (type $plugin-error))
    (alias export $types "phase-summary" (type $phase-summary))
    (alias export $types "processing-result" (type $processing-result))
    (import "batches" (instance $batches (type $batches)))
    (alias export $batches "batch" (type $batch))
    (;more imports;)

    ;; Memory, and where the host puts what it hands over.
    (core module $heap
      (memory (export "memory") 1)
      (global $free (mut i32) (i32.const 4096))
      (func (export "realloc") (param $old i32) (param i32) (param i32) (param $size i32)
        (result i32)
        (local $at i32)
        (;in realloc;)
        (local.set $at (global.get $free))
        (global.set $free
          (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 7)) (i32.const -8)))
        (local.get $at))
      ;; Frees everything that the host has handed over.
      (func (export "free-all") (global.set $free (i32.const 4096)))
    )
    (core instance $heap (instantiate $heap))

    (type $processor' (resource (rep i32)))
    (export $processor "processor" (type $processor'))
    (core func $new-processor (canon resource.new $processor'))
    (;more host functions;)
    (core instance $host
      (export "new-processor" (func $new-processor))
      (;more of host;)
    )

    (core module $processor
      (import "heap" "memory" (memory 1))
      (import "heap" "free-all" (func $free-all))
      (import "host" "new-processor" (func $new-processor (param i32) (result i32)))
      (;more core imports;)
      (;more fields;)

      (func $start (;in start;))
      (start $start)

      ;; result<processor, plugin-error>: 0 for a good one, and its handle at 4.
      (func (export "create") (param i32 i32 i32 i32) (result i32)
        (;in create;)
        (i32.store (i32.const 1024) (i32.const 0))
        (i32.store (i32.const 1028) (call $new-processor (i32.const 7)))
        (i32.const 1024))

      ;; requirements: columns of the names at 4 and 8, none; mergeable at 12; the option
      ;; of exact-memory at 16.
      (func (export "requirements") (param i32) (result i32)
        (i64.store (i32.const 1024) (i64.const 1))
        (i64.store (i32.const 1032) (i64.const 0))
        (i64.store (i32.const 1040) (i64.const 0))
        (;in requirements;)
        (i32.const 1024))

      ;; result<_, plugin-error>. A batch: name, kind and index of its phase, its length,
      ;; its columns, and whether it is over exact-memory.
      (func (export "process") (param $self i32) (param i32 i32 i32 i32 i32) (param $len i32)
        (param i32 i32 i32) (result i32)
        (call $free-all)
        (;in process;)
        (i32.store (i32.const 1024) (i32.const 0))
        (i32.const 1024))

      ;; result<option<processing-result>, plugin-error>.
      (func (export "snapshot") (param i32 i32 i32) (result i32)
        (i64.store (i32.const 1024) (i64.const 0))
        (i32.const 1024))

      ;; result<option<list<u8>>, plugin-error> and result<_, plugin-error>.
      (func (export "save") (param i32 i32) (result i32)
        (i64.store (i32.const 1024) (i64.const 0))
        (i32.const 1024))
      (func (export "merge") (param i32 i32 i32) (result i32)
        (i32.store (i32.const 1024) (i32.const 0))
        (i32.const 1024))

      ;; A metric, 120 bytes: its name at 0, its phase at 8, labels at 20, unit at 28, basis
      ;; at 36; at 48 that its value is a count, which is at 56.
      (data (i32.const 2048) "good")
      (data (i32.const 2112) "\00\08\00\00\04\00\00\00")
      (data (i32.const 2168) "\01")
      (;more data;)

      ;; result<processing-result, plugin-error>: metrics at 4 and 8, a report's option at 12.
      (func (export "finish") (param i32 i32 i32) (result i32)
        (i32.store (i32.const 1024) (i32.const 0))
        (i32.store (i32.const 1028) (i32.const 2112))
        (i32.store (i32.const 1032) (i32.const 1))
        (i32.store (i32.const 1036) (i32.const 0))
        (;in finish;)
        (i32.const 1024))
      (func (export "post-return") (param i32)
        (;in post-return;))
    )
    (core instance $code (instantiate $processor
      (with "heap" (instance $heap)) (with "host" (instance $host))))
    (;more instances;)

    (type $wanted' (variant (case "all") (case "named" (list string))
      (case "numbers-and" (list string))))
    (export $wanted "wanted-columns" (type $wanted'))
    (type $requirements' (record (field "columns" $wanted) (field "mergeable" bool)
      (field "exact-memory" (option u64))))
    (export $requirements "requirements" (type $requirements'))
    (func (export "[static]processor.create")
      (param "class" string) (param "config" string)
      (result (result (own $processor) (error $plugin-error)))
      (canon lift (core func $code "create")
        (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
    (func (export "[method]processor.requirements")
      (param "self" (borrow $processor)) (result $requirements)
      (canon lift (core func $code "requirements") (memory (core memory $heap "memory"))))
    (func (export "[method]processor.process")
      (param "self" (borrow $processor)) (param "batch" $batch)
      (result (result (error $plugin-error)))
      (canon lift (core func $code "process")
        (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
    (func (export "[method]processor.snapshot")
      (param "self" (borrow $processor)) (param "phases" (list $phase-summary))
      (result (result (option $processing-result) (error $plugin-error)))
      (canon lift (core func $code "snapshot")
        (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
    (func (export "[method]processor.save")
      (param "self" (borrow $processor)) (param "max-bytes" u32)
      (result (result (option (list u8)) (error $plugin-error)))
      (canon lift (core func $code "save") (memory (core memory $heap "memory"))))
    (func (export "[method]processor.merge")
      (param "self" (borrow $processor)) (param "chunk" (list u8))
      (result (result (error $plugin-error)))
      (canon lift (core func $code "merge")
        (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
    (func (export "[method]processor.finish")
      (param "self" (borrow $processor)) (param "phases" (list $phase-summary))
      (result (result $processing-result (error $plugin-error)))
      (canon lift (core func $code "finish") (post-return (core func $code "post-return"))
        (memory (core memory $heap "memory")) (realloc (core func $heap "realloc"))))
  )

  (alias export $types "plugin-error" (type $plugin-error))
  (alias export $types "phase-summary" (type $phase-summary))
  (alias export $types "processing-result" (type $processing-result))
  (alias export $batches "batch" (type $batch))
  (;more outer imports;)
  (instance $plugin (instantiate $plugin
    (with "types" (instance $types)) (with "batches" (instance $batches)) (;more arguments;)))
  (alias export $plugin "processor" (type $own))
  (alias export $plugin "wanted-columns" (type $wanted))
  (export "perfbox:plugin/post-processor@0.2.0" (instance $plugin) (instance
    (export "wanted-columns" (type $columns (eq $wanted)))
    (type $requirements (record (field "columns" $columns) (field "mergeable" bool)
      (field "exact-memory" (option u64))))
    (export "requirements" (type $needs (eq $requirements)))
    (export "processor" (type $processor (eq $own)))
    (export "[static]processor.create" (func (param "class" string) (param "config" string)
      (result (result (own $processor) (error $plugin-error)))))
    (export "[method]processor.requirements" (func
      (param "self" (borrow $processor)) (result $needs)))
    (export "[method]processor.process" (func
      (param "self" (borrow $processor)) (param "batch" $batch)
      (result (result (error $plugin-error)))))
    (export "[method]processor.snapshot" (func
      (param "self" (borrow $processor)) (param "phases" (list $phase-summary))
      (result (result (option $processing-result) (error $plugin-error)))))
    (export "[method]processor.save" (func
      (param "self" (borrow $processor)) (param "max-bytes" u32)
      (result (result (option (list u8)) (error $plugin-error)))))
    (export "[method]processor.merge" (func
      (param "self" (borrow $processor)) (param "chunk" (list u8))
      (result (result (error $plugin-error)))))
    (export "[method]processor.finish" (func
      (param "self" (borrow $processor)) (param "phases" (list $phase-summary))
      (result (result $processing-result (error $plugin-error)))))
  ))
)
