// NumPy and SciPy pickle calls of their constructors, with raw bytes as state. The calls are recognised by name and never
// executed.

extension PickleGraph {
  /// The array that an object describes.
  ///
  /// - Parameter name: the name of the array, for faults.
  public func numPyArray(_ index: Index, path: String, name: String) throws(NumPyFault) -> NumPyArray {
    guard let state = numPyState(index), let shape = state.shape else {
      throw .notAnArray(path: path, expected: "\(name), a NumPy array")
    }
    let description = numPyTypeName(state.type)
    guard let description, let type = NumPyType(description) else {
      throw .unsupportedType(path: path, array: name, type: description ?? "record")
    }
    if type.element == .objects {
      guard let texts = strings(state.contents), type.byteCount(of: shape) != nil,
        texts.count == shape.reduce(1, *)
      else { throw .objects(path: path, array: name) }
      return NumPyArray(objects: texts, shape: shape, isFortranOrder: state.isFortranOrder)
    }
    guard let bytes = rawBytes(state.contents), type.byteCount(of: shape) == bytes.count else {
      throw .size(path: path, array: name, shape: shape, bytes: rawBytes(state.contents)?.count ?? 0)
    }
    return NumPyArray(type, shape: shape, isFortranOrder: state.isFortranOrder, bytes: ByteRegion(bytes))
  }

  /// Whether an object is an array of NumPy's of any kind: of numbers, texts, records or objects, or one with a mask.
  public func isNumPyArray(_ index: Index) -> Bool {
    // A single text or date is no array.
    if let state = numPyState(index) { return state.shape?.isEmpty != true }
    guard case .object(let object) = values[index] else { return false }
    return globalName(object.callable)?.hasPrefix("numpy.ma.") ?? false
  }

  /// Whether an object is an array of numbers, which `numPyArray` reads.
  public func isNumPyArrayOfNumbers(_ index: Index) -> Bool {
    guard let state = numPyState(index), let type = numPyTypeName(state.type).flatMap(NumPyType.init) else {
      return false
    }
    switch type.element {
    case .boolean, .signed, .unsigned, .floating, .complex: return true
    case .bytes, .text, .objects: return false
    }
  }

  /// The elements of an array of objects, which must all be texts.
  func numPyObjects(_ index: Index) -> [String]? {
    numPyState(index).flatMap { strings($0.contents) }
  }

  private struct NumPyState {
    let shape: [Int]?
    let type: Index
    let isFortranOrder: Bool
    let contents: Index
  }

  /// What an array is made of: by `__setstate__`, by `_frombuffer` of protocol 5, or as a single number.
  private func numPyState(_ index: Index) -> NumPyState? {
    guard case .object(let object) = values[index], let name = globalName(object.callable) else { return nil }
    let arguments = elements(object.arguments) ?? []
    switch name {
    case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct":
      // A version precedes the four.
      guard let state = object.state, let parts = elements(state), parts.count == 4 || parts.count == 5,
        let order = integer(parts[parts.count - 2])
      else { return nil }
      let last = Array(parts.suffix(4))
      return NumPyState(shape: integers(last[0]), type: last[1], isFortranOrder: order != 0, contents: last[3])
    case "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer":
      guard arguments.count >= 4, let order = text(arguments[3]), order == "C" || order == "F" else { return nil }
      return NumPyState(
        shape: integers(arguments[2]), type: arguments[1], isFortranOrder: order == "F", contents: arguments[0])
    case "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar":
      guard arguments.count == 2 else { return nil }
      return NumPyState(shape: [], type: arguments[0], isFortranOrder: false, contents: arguments[1])
    default: return nil
    }
  }

  /// The type with its byte order, such as `<f4`.
  private func numPyTypeName(_ index: Index) -> String? {
    guard case .object(let object) = values[index], globalName(object.callable) == "numpy.dtype",
      let first = elements(object.arguments)?.first, let name = text(first)
    else { return nil }
    let state = object.state.flatMap { elements($0) } ?? []
    guard state.count >= 2, let order = text(state[1]), ["<", ">", "|", "="].contains(order) else { return name }
    return order + name
  }

  /// Bytes, or their forms in protocols 0 to 4: a call of `_codecs.encode` with Latin-1 text, of `bytes` or of `bytearray`.
  public func rawBytes(_ index: Index) -> [UInt8]? {
    switch values[index] {
    case .bytes(let bytes): return bytes
    case .object(let object):
      guard let name = globalName(object.callable), let arguments = elements(object.arguments) else { return nil }
      switch name {
      case "builtins.bytes", "builtins.bytearray", "__builtin__.bytes", "__builtin__.bytearray":
        guard let first = arguments.first else { return [] }
        if case .bytes(let bytes) = values[first] { return bytes }
        // Text with its encoding, or a call of `_codecs.encode`.
        if arguments.count == 2 { return latin(arguments) }
        guard case .object(let inner) = values[first], globalName(inner.callable) == "_codecs.encode" else {
          return nil
        }
        return elements(inner.arguments).flatMap { latin($0) }
      case "_codecs.encode": return latin(arguments)
      default: return nil
      }
    default: return nil
    }
  }

  /// The bytes of a text and the name of its encoding, which has to be Latin-1.
  private func latin(_ arguments: [Index]) -> [UInt8]? {
    guard arguments.count == 2, case .text(let text) = values[arguments[0]],
      ["latin1", "latin-1", "iso-8859-1"].contains(self.text(arguments[1]))
    else { return nil }
    let bytes = text.unicodeScalars.compactMap { UInt8(exactly: $0.value) }
    return bytes.count == text.unicodeScalars.count ? bytes : nil
  }

  private func integers(_ index: Index) -> [Int]? {
    guard let found = elements(index) else { return nil }
    let numbers = found.compactMap { integer($0) }
    return numbers.count == found.count ? numbers : nil
  }

  private func strings(_ index: Index) -> [String]? {
    guard let found = elements(index) else { return nil }
    // Many places may refer to one long text: the size of the pickle limits what is copied.
    var room = 16 * values.count + 1_000_000
    var texts: [String] = []
    for element in found {
      guard let text = text(element) else { return nil }
      room -= text.utf8.count
      guard room >= 0 else { return nil }
      texts.append(text)
    }
    return texts
  }
}

/// A matrix in compressed sparse row format as SciPy pickles it. Its contents have not been checked.
public struct SciPyMatrix: Sendable {
  public let rows: Int
  public let columns: Int
  public let offsets: [Int]
  public let indices: [Int]
  public let values: [Float]
}

extension PickleGraph {
  /// The sparse matrix that an object describes: `scipy.sparse.csr_matrix`.
  ///
  /// - Parameter name: the name of the matrix, for faults.
  public func sciPyMatrix(_ index: Index, path: String, name: String) throws(NumPyFault) -> SciPyMatrix {
    let missing = NumPyFault.notAnArray(
      path: path, expected: "\(name), a SciPy matrix in compressed sparse row format (CSR)")
    guard case .object(let object) = values[index], isCompressedRows(object), let state = object.state,
      let pairs = pairs(state)
    else { throw missing }
    func entry(_ names: String...) -> Index? {
      pairs.last { pair in text(pair.key).map(names.contains) ?? false }?.value
    }
    guard let shape = entry("_shape", "shape").flatMap({ integers($0) }), shape.count == 2,
      let data = entry("data"), let indices = entry("indices"), let offsets = entry("indptr")
    else { throw missing }
    guard let values = try numPyArray(data, path: path, name: "\(name).data").floats,
      let columns = try numPyArray(indices, path: path, name: "\(name).indices").integers,
      let starts = try numPyArray(offsets, path: path, name: "\(name).indptr").integers
    else { throw missing }
    return SciPyMatrix(rows: shape[0], columns: shape[1], offsets: starts, indices: columns, values: values)
  }

  private func isCompressedRows(_ object: Object) -> Bool {
    let classes: Set = [
      "scipy.sparse.csr.csr_matrix", "scipy.sparse._csr.csr_matrix", "scipy.sparse._csr.csr_array",
    ]
    guard let name = globalName(object.callable) else { return false }
    if classes.contains(name) { return true }
    // Protocols 0 and 1 call a helper with the class as its argument.
    return ["copy_reg._reconstructor", "copyreg._reconstructor"].contains(name)
      && (elements(object.arguments)?.first.flatMap { globalName($0) }).map(classes.contains) ?? false
  }
}
