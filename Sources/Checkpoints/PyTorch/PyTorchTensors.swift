import AviaryArchives

/// A call that makes a tensor, by the name of the function, or a tensor of a tar archive, by its key.
enum TensorCall {
  case function(String, [PickleGraph.Index])
  case stored(String)
}

// Tensors are made of calls in the pickle, which are recognised by name and never made.

extension PyTorchReader {
  private static let parameters: Set = [
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter",
    "torch.nn.Parameter", "torch.nn.parameter.Buffer", "torch.autograd.variable.Variable",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
  ]

  private static let fromNumPy = "torch._utils._rebuild_device_tensor_from_numpy"

  /// The call that makes a tensor: its storage, offset, shape and strides are among the arguments.
  func tensorCall(_ index: PickleGraph.Index, depth: Int = 0) -> TensorCall? {
    if case .persistent(let reference) = graph[index], let key = graph.text(reference) ?? number(reference),
      tarTensors[key] != nil
    {
      return .stored(key)
    }
    // People keep NumPy arrays among their tensors, and instead of them.
    if graph.isNumPyArrayOfNumbers(index) { return .function(Self.fromNumPy, [index]) }
    guard depth < 8, case .object(let object) = graph[index], let name = graph.globalName(object.callable),
      let arguments = graph.elements(object.arguments)
    else { return nil }
    return tensorCall(name, arguments, depth: depth)
  }

  private func number(_ index: PickleGraph.Index) -> String? { graph.integer(index).map(String.init) }

  private func tensorCall(_ name: String, _ arguments: [PickleGraph.Index], depth: Int) -> TensorCall? {
    guard depth < 8 else { return nil }
    if Self.parameters.contains(name) { return arguments.first.flatMap { tensorCall($0, depth: depth + 1) } }
    switch name {
    case "copyreg.__newobj__", "copy_reg.__newobj__":
      guard let made = arguments.first.flatMap({ graph.globalName($0) }), Self.parameters.contains(made) else {
        return nil
      }
      return tensorCall(made, Array(arguments.dropFirst()), depth: depth + 1)
    case "torch._tensor._rebuild_from_type_v2", "torch.tensor._rebuild_from_type_v2",
      "torch._tensor._rebuild_from_type", "torch.tensor._rebuild_from_type", "fastai.torch_core._rebuild_from_type":
      // (function, type, arguments, state): the same call, one step removed.
      guard arguments.count >= 3, let function = graph.globalName(arguments[0]),
        let inner = graph.elements(arguments[2])
      else { return nil }
      return tensorCall(function, inner, depth: depth + 1)
    case _ where name.hasPrefix("torch._utils._rebuild_"): return .function(name, arguments)
    default: return nil
    }
  }

  mutating func array(_ call: TensorCall, _ tensor: String) throws(CheckpointFault) -> StoredArray {
    switch call {
    case .stored(let key):
      guard let stored = tarTensors[key] else {
        throw .badTensor(path: path, tensor: tensor, reason: "'\(key)' is not in the archive")
      }
      let storage = try storages.bytes(of: stored.storage, tensor: tensor)
      return try array(stored.dtype, stored.shape, stored.strides, stored.offset, in: storage, tensor)
    case .function(Self.fromNumPy, let arguments):
      guard let first = arguments.first else {
        throw .badTensor(path: path, tensor: tensor, reason: "it is not made from an array")
      }
      let array = try numPy { (graph, path) throws(NumPyFault) in
        try graph.numPyArray(first, path: path, name: "tensor '\(tensor)'")
      }
      guard let stored = StoredArray(array) else {
        throw .unsupported(path: path, what: "tensor '\(tensor)' holds no numbers")
      }
      try account(for: stored.bytes.count, tensor)
      return stored
    case .function(let name, let arguments): return try array(name, arguments, tensor)
    }
  }

  private func numPy<Result>(
    _ body: (PickleGraph, String) throws(NumPyFault) -> Result
  ) throws(CheckpointFault) -> Result {
    do { return try body(graph, path) } catch { throw .numPy(error) }
  }

  private mutating func array(
    _ name: String, _ arguments: [PickleGraph.Index], _ tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    func bad(_ reason: String) -> CheckpointFault { .badTensor(path: path, tensor: tensor, reason: reason) }
    let isThird = name == "torch._utils._rebuild_tensor_v3"
    guard isThird || name == "torch._utils._rebuild_tensor" || name == "torch._utils._rebuild_tensor_v2" else {
      let kind = String(name.dropFirst("torch._utils._rebuild_".count))
      throw .unsupported(
        path: path,
        what: "tensor '\(tensor)' is \(Self.kinds[kind] ?? "a \(kind)"), but only dense tensors are supported"
          + (Self.remedies[kind] ?? ""))
    }
    guard arguments.count >= 4 else { throw bad("it is not made from a storage") }
    var (dtype, storage) = try contents(of: arguments[0], tensor)
    if isThird {
      let type = arguments.count >= 7 ? graph.globalName(arguments[6]) : nil
      guard let type, let named = StorageReference.dtype(named: type) else {
        throw .unsupported(
          path: path, what: "tensor '\(tensor)' has the type \(type ?? "unknown"), which is not supported")
      }
      dtype = named
    }
    guard let offset = graph.integer(arguments[1]), let shape = integers(arguments[2]),
      let strides = integers(arguments[3]), shape.count == strides.count
    else { throw bad("its offset, shape or strides are not integers") }
    let array = try array(dtype, shape, strides, offset, in: storage, tensor)
    let place = isThird ? 7 : 6
    return try resolved(array, metadata: arguments.count > place ? arguments[place] : nil, tensor)
  }

  /// The type and the bytes of the storage that a tensor is made from.
  private mutating func contents(
    of index: PickleGraph.Index, _ tensor: String
  ) throws(CheckpointFault) -> (dtype: Dtype, bytes: ByteRegion) {
    func bad(_ reason: String) -> CheckpointFault { .badTensor(path: path, tensor: tensor, reason: reason) }
    if let embedded = try embeddedStorage(index, tensor) { return embedded }
    guard let place = storage(index) else { throw bad("it is not made from a storage") }
    guard let reference = StorageReference(graph, place) else {
      let parts = graph.elements(place) ?? []
      let type = parts.count > 1 ? graph.globalName(parts[1]) : nil
      throw .unsupported(
        path: path, what: "tensor '\(tensor)' has an unsupported storage type: \(type ?? "unknown")")
    }
    let storage = try storages.bytes(of: reference.key, tensor: tensor)
    guard let view = reference.view else { return (reference.dtype, storage) }
    let (begin, overflow) = view.offset.multipliedReportingOverflow(by: reference.dtype.size)
    let (size, carry) = view.count.multipliedReportingOverflow(by: reference.dtype.size)
    guard !overflow, !carry, let part = storage.part(from: begin, count: size) else {
      throw bad("its storage reaches outside of the one that it is a view of")
    }
    return (reference.dtype, part)
  }

  /// A storage in a plain pickle: the bytes of a legacy file, which `torch.storage._load_from_bytes` is given.
  private mutating func embeddedStorage(
    _ index: PickleGraph.Index, _ tensor: String
  ) throws(CheckpointFault) -> (dtype: Dtype, bytes: ByteRegion)? {
    if let known = embedded[index] { return known }
    guard case .object(let object) = graph[index],
      graph.globalName(object.callable) == "torch.storage._load_from_bytes",
      let argument = graph.elements(object.arguments)?.first
    else { return nil }
    guard let bytes = graph.rawBytes(argument) else {
      throw .badTensor(path: path, tensor: tensor, reason: "its storage is not bytes")
    }
    try account(for: bytes.count, tensor)
    guard let found = try PyTorchFile.embeddedStorage(ByteRegion(bytes), path: path) else {
      throw .unsupported(path: path, what: "tensor '\(tensor)' has a storage in an unknown form")
    }
    embedded[index] = found
    return found
  }

  private static let kinds = [
    "qtensor": "quantized", "sparse_tensor": "sparse", "sparse_csr_tensor": "sparse", "nested_tensor": "nested",
    "meta_tensor_no_storage": "a tensor without data (meta)",
    "wrapper_subclass": "of a class of its own (a wrapper subclass)",
  ]
  private static let remedies = [
    "qtensor": "; save what its dequantize() returns", "sparse_tensor": "; save what its to_dense() returns",
    "sparse_csr_tensor": "; save what its to_dense() returns",
  ]

  /// The description of the storage that a tensor is made from.
  func storage(_ index: PickleGraph.Index) -> PickleGraph.Index? {
    if case .persistent(let reference) = graph[index] { return reference }
    return storagesArePlain && graph.elements(index) != nil ? index : nil
  }

  private mutating func array(
    _ dtype: Dtype, _ shape: [Int], _ strides: [Int], _ offset: Int, in storage: ByteRegion, _ tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    func bad(_ reason: String) -> CheckpointFault { .badTensor(path: path, tensor: tensor, reason: reason) }
    guard shape.count <= 64, let size = StoredArray.byteCount(dtype, shape) else {
      throw bad("its shape \(shape.prefix(8)) is impossible")
    }
    if size == 0 || isRowMajor(shape, strides) {
      let (begin, overflow) = (size == 0 ? 0 : offset).multipliedReportingOverflow(by: dtype.size)
      guard !overflow, let part = storage.part(from: begin, count: size),
        let array = StoredArray(dtype: dtype, shape: shape, bytes: part)
      else { throw bad("shape \(shape) from element \(offset) reaches outside its storage of \(storage.count) bytes") }
      if storages.bigEndian { try account(for: size, tensor) }
      return storages.bigEndian ? array.byteSwapped() : array
    }
    try account(for: size, tensor)
    guard let array = StoredArray.gathered(dtype, shape: shape, strides: strides, offset: offset, from: storage) else {
      throw bad("shape \(shape), strides \(strides) from element \(offset) reach outside its storage")
    }
    return storages.bigEndian ? array.byteSwapped() : array
  }

  /// Carries out what PyTorch puts off: a conjugated or negated view has a mark instead of other numbers.
  private mutating func resolved(
    _ array: StoredArray, metadata: PickleGraph.Index?, _ tensor: String
  ) throws(CheckpointFault) -> StoredArray {
    guard let metadata, case .dictionary(let pairs) = graph[metadata] else { return array }
    var result = array
    for pair in pairs.prefix(8) where graph.integer(pair.value) == 1 {
      switch graph.text(pair.key) {
      case "conj" where !array.dtype.isReal: result = result.signsFlipped(imaginaryOnly: true)
      case "neg": result = result.signsFlipped(imaginaryOnly: false)
      default: continue
      }
      try account(for: array.bytes.count, tensor)
    }
    return result
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
    guard indices.count <= 64 else { return nil }
    let values = indices.compactMap { graph.integer($0) }
    return values.count == indices.count ? values : nil
  }
}
