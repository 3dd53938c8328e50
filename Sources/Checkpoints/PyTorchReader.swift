import AviaryArchives

/// Finds the tensors in what a PyTorch pickle describes.
struct PyTorchReader {
  let graph: PickleGraph
  let path: String
  var storages: PyTorchStorages
  /// Bytes of tensors that had to be put together, which a few bytes of file could ask for without end.
  private var gathered = 0
  private var entries: [Checkpoint.Entry] = []
  private var facts: [String: String] = [:]
  /// Containers on the way to where the walk is, since a pickle may contain itself.
  private var open: Set<PickleGraph.Index> = []
  /// Values that the walk has met, each as often as something refers to it.
  private var visits = 0

  init(graph: PickleGraph, path: String, storages: PyTorchStorages) {
    self.graph = graph
    self.path = path
    self.storages = storages
  }

  /// Keys under which training scripts keep the weights, the most specific first. An average over training steps
  /// (EMA) is what its authors evaluate.
  private static let containers = [
    "state_dict_ema", "model_ema", "ema_state_dict", "ema", "state_dict", "model_state_dict", "model_state", "model",
    "net", "network", "weights", "module",
  ]

  static let depthLimit = 64

  mutating func read(format: Checkpoint.Format) throws(CheckpointFault) -> Checkpoint {
    var root = graph.root
    if let name = moduleName(root) { throw .wholeModule(path: path, module: name) }
    if let pairs = graph.pairs(root), let (key, inner) = container(in: pairs) {
      facts["pytorch.key"] = key
      for pair in pairs where pair.value != inner { note(pair) }
      if let name = moduleName(inner) { throw .wholeModule(path: path, module: name) }
      root = inner
    }
    try walk(root, name: "", depth: 0)
    guard !entries.isEmpty else { throw .noTensors(path: path) }
    var checkpoint = Checkpoint()
    checkpoint.format = format
    let prefix = commonPrefix()
    if !prefix.isEmpty { facts["pytorch.prefix"] = prefix }
    for entry in entries {
      let name = String(entry.path.dropFirst(prefix.count))
      guard checkpoint.add(entry.array, at: name) else { throw .duplicateTensor(path: path, tensor: name) }
    }
    checkpoint.metadata.extra = facts
    return checkpoint
  }

  /// The dictionary among a training checkpoint's values that holds the weights. A dictionary that itself has tensors
  /// is a state dictionary, and is not looked into.
  private func container(in pairs: [PickleGraph.Pair]) -> (key: String, value: PickleGraph.Index)? {
    guard !pairs.contains(where: { tensorCall($0.value) != nil }) else { return nil }
    for wanted in Self.containers {
      guard let pair = pairs.last(where: { graph.text($0.key) == wanted }) else { continue }
      if moduleName(pair.value) != nil || holdsTensors(pair.value) { return (wanted, pair.value) }
    }
    return nil
  }

  private func holdsTensors(_ index: PickleGraph.Index) -> Bool {
    // Each container once: a pickle may refer to one from many places.
    var seen: Set = [index]
    var level = [index]
    for _ in 0..<4 {
      var next: [PickleGraph.Index] = []
      for container in level {
        for pair in graph.pairs(container) ?? [] where seen.insert(pair.value).inserted {
          if tensorCall(pair.value) != nil { return true }
          next.append(pair.value)
        }
      }
      level = next
    }
    return false
  }

  /// Keeps numbers and texts beside the weights, such as an epoch or an accuracy.
  private mutating func note(_ pair: PickleGraph.Pair) {
    guard let key = graph.text(pair.key) else { return }
    switch graph[pair.value] {
    case .integer(let value): facts[key] = "\(value)"
    case .real(let value): facts[key] = "\(value)"
    case .text(let text) where text.utf8.count < 4096: facts[key] = text
    default: break
    }
  }

  /// The class of a pickled module: an object whose state has a module's dictionaries.
  private func moduleName(_ index: PickleGraph.Index) -> String? {
    guard case .object(let object) = graph[index], let state = object.state, let pairs = graph.pairs(state),
      pairs.contains(where: { ["_modules", "_parameters"].contains(graph.text($0.key)) })
    else { return nil }
    // The legacy container names the class in a persistent reference, beside its source.
    if case .persistent(let reference) = graph[object.callable] {
      return graph.elements(reference)?.lazy.compactMap { graph.globalName($0) }.first ?? "unknown class"
    }
    // copyreg's way names the class in the arguments.
    if let name = graph.globalName(object.callable), !name.hasPrefix("copy") { return name }
    let arguments = graph.elements(object.arguments) ?? []
    return arguments.lazy.compactMap { graph.globalName($0) }.first ?? "unknown class"
  }

  private mutating func walk(_ index: PickleGraph.Index, name: String, depth: Int) throws(CheckpointFault) {
    // Containers that refer to one another twice each would make a walk of 2ⁿ steps out of n values.
    visits += 1
    guard visits <= 1000 + 10 * graph.values.count else {
      throw .malformed(path: path, part: "the pickle", reason: "its containers refer to one another without end")
    }
    if let call = tensorCall(index) {
      let tensor = name.isEmpty ? "tensor" : name
      entries.append(.init(tensor, try array(call, tensor)))
      return
    }
    guard depth < Self.depthLimit, open.insert(index).inserted else { return }
    defer { open.remove(index) }
    func join(_ part: String) -> String { name.isEmpty ? part : "\(name).\(part)" }
    if let pairs = graph.pairs(index) {
      // A dictionary keeps the place of a key's first setting and the value of its last.
      var last: [String: PickleGraph.Index] = [:]
      var order: [String] = []
      for pair in pairs {
        guard let key = graph.text(pair.key) ?? graph.integer(pair.key).map(String.init) else { continue }
        if last.updateValue(pair.value, forKey: key) == nil { order.append(key) }
      }
      for key in order {
        if let value = last[key] { try walk(value, name: join(key), depth: depth + 1) }
      }
    } else if let elements = graph.elements(index) {
      for (place, element) in elements.enumerated() { try walk(element, name: join("\(place)"), depth: depth + 1) }
    }
    guard entries.count <= 1_000_000 else {
      throw .malformed(path: path, part: "the pickle", reason: "lists more than 1,000,000 tensors")
    }
  }

  /// What wrappers put before every name: DataParallel `module.`, torch.compile `_orig_mod.`.
  private func commonPrefix() -> String {
    var prefix = ""
    while true {
      let next = ["module.", "_orig_mod."].first { candidate in
        entries.allSatisfy { $0.path.hasPrefix(prefix + candidate) }
      }
      guard let next else { return prefix }
      prefix += next
    }
  }

  // MARK: Tensors

  /// The call that makes a tensor: its storage, offset, shape and strides are among the arguments.
  private func tensorCall(_ index: PickleGraph.Index, depth: Int = 0) -> (name: String, arguments: [PickleGraph.Index])?
  {
    guard depth < 8, case .object(let object) = graph[index], let name = graph.globalName(object.callable),
      let arguments = graph.elements(object.arguments)
    else { return nil }
    switch name {
    case "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3":
      return (name, arguments)
    case "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
      "torch.nn.parameter.Parameter", "torch.nn.Parameter":
      return arguments.first.flatMap { tensorCall($0, depth: depth + 1) }
    case "torch._tensor._rebuild_from_type_v2", "torch.tensor._rebuild_from_type_v2":
      // (function, type, arguments, state): the same call, one step removed.
      guard arguments.count >= 3, let function = graph.globalName(arguments[0]),
        function.hasPrefix("torch._utils._rebuild_tensor"), let inner = graph.elements(arguments[2])
      else { return nil }
      return (function, inner)
    case _ where name.hasPrefix("torch._utils._rebuild_"):
      return (name, arguments)
    default: return nil
    }
  }

  private mutating func array(
    _ call: (name: String, arguments: [PickleGraph.Index]), _ tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    func bad(_ reason: String) -> CheckpointFault { .badTensor(path: path, tensor: tensor, reason: reason) }
    let arguments = call.arguments
    let plain: Set = [
      "torch._utils._rebuild_tensor", "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_tensor_v3",
    ]
    guard plain.contains(call.name) else {
      let kind = call.name.dropFirst("torch._utils._rebuild_".count)
      throw .unsupported(path: path, what: "tensor '\(tensor)' is a \(kind), and only dense tensors are supported")
    }
    guard arguments.count >= 4, case .persistent(let persistent) = graph[arguments[0]] else {
      throw bad("it is not made from a storage")
    }
    guard let reference = StorageReference(graph, persistent) else {
      throw .unsupported(path: path, what: "tensor '\(tensor)' lies in a storage of a type that is not supported")
    }
    var dtype = reference.dtype
    if call.name.hasSuffix("_v3") {
      guard arguments.count >= 7, let name = graph.globalName(arguments[6]),
        let named = StorageReference.dtype(named: name)
      else { throw .unsupported(path: path, what: "tensor '\(tensor)' has a type that is not supported") }
      dtype = named
    }
    guard var offset = graph.integer(arguments[1]), let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), shape.count == strides.count
    else { throw bad("its offset, shape or strides are no whole numbers") }
    var storage = try storages.bytes(of: reference.key, tensor: tensor)
    if let view = reference.view {
      let (begin, overflow) = view.offset.multipliedReportingOverflow(by: dtype.size)
      let (size, carry) = view.count.multipliedReportingOverflow(by: dtype.size)
      guard !overflow, !carry, let part = storage.part(from: begin, count: size) else {
        throw bad("its storage reaches outside of another")
      }
      storage = part
    }
    guard let size = StoredArray.byteCount(dtype, shape) else { throw bad("its shape \(shape) is impossible") }

    if size == 0 || strides == StoredArray.rowMajorStrides(shape) || isRowMajor(shape, strides) {
      if size == 0 { offset = 0 }
      let (begin, overflow) = offset.multipliedReportingOverflow(by: dtype.size)
      guard !overflow, let part = storage.part(from: begin, count: size),
        let array = StoredArray(dtype: dtype, shape: shape, bytes: part)
      else { throw bad("shape \(shape) from element \(offset) reaches outside its storage of \(storage.count) bytes") }
      if storages.bigEndian { try account(for: size, tensor) }
      return storages.bigEndian ? array.byteSwapped() : array
    }
    try account(for: size, tensor)
    guard
      let array = StoredArray.gathered(dtype, shape: shape, strides: strides, offset: offset, from: storage)
    else { throw bad("shape \(shape), strides \(strides) from element \(offset) reach outside its storage") }
    return storages.bigEndian ? array.byteSwapped() : array
  }

  /// Counts bytes that a tensor needs beyond the file's own. A view that repeats elements may be larger than its
  /// storage, and many may share one, but not without bound.
  private mutating func account(for size: Int, _ tensor: String) throws(CheckpointFault) {
    let limit = (64 << 20) + 16 * storages.fileSize
    guard size <= limit - gathered else { throw .tooLarge(path: path, tensor: tensor, bytes: size, limit: limit) }
    gathered += size
  }

  /// Row-major but for axes of one element, whose strides mean nothing.
  private func isRowMajor(_ shape: [Int], _ strides: [Int]) -> Bool {
    zip(shape, zip(strides, StoredArray.rowMajorStrides(shape))).allSatisfy { $0 == 1 || $1.0 == $1.1 }
  }

  private func integers(_ index: PickleGraph.Index) -> [Int]? {
    // `torch.Size` is a call with one tuple.
    if case .object(let object) = graph[index], graph.globalName(object.callable) == "torch.Size",
      let inner = graph.elements(object.arguments)?.first
    {
      return graph.elements(inner).flatMap { allIntegers($0) }
    }
    return graph.elements(index).flatMap { allIntegers($0) }
  }

  private func allIntegers(_ indices: [PickleGraph.Index]) -> [Int]? {
    let values = indices.compactMap { graph.integer($0) }
    return values.count == indices.count ? values : nil
  }
}
