import AviaryArchives

/// Why an object cannot be read. The reader adds the file and the object to make an `HDF5Fault` or a refusal.
enum Flaw: Swift.Error {
  /// The bytes contradict the format.
  case damage(String)
  /// A valid feature that is not read, such as "a compressed fractal heap".
  case unsupported(String)
  /// A valid feature whose library is not installed.
  case missingLibrary(feature: String, LibraryFault)
  /// The object is elsewhere: "is a soft link to 'x'".
  case elsewhere(String)
  /// The same, for what is read on request: "is an external link to 'x' …".
  case followable(String)
  /// There is no such object.
  case absent
  case tooLarge(bytes: Int, limit: Int)
  /// The system does not have the memory.
  case noMemory(bytes: Int)
  case tooMany(String, limit: Int)
  /// The file ends before the bytes that are needed.
  case truncated(needed: Int, available: Int)

  static func overflow(_ what: String) -> Flaw { .damage("\(what) overflows") }

  func fault(path: String, object: String) -> HDF5Fault {
    switch self {
    case .damage(let reason): .damaged(path: path, object: object, reason: reason)
    case .unsupported(let feature): .unsupported(path: path, object: object, feature: feature)
    case .missingLibrary(let feature, let fault):
      .missingLibrary(path: path, object: object, feature: feature, library: fault)
    case .elsewhere(let how), .followable(let how): .leavesFile(path: path, object: object, how: how)
    case .absent: .noObject(path: path, object: object)
    case .tooLarge(let bytes, let limit): .tooLarge(path: path, object: object, bytes: bytes, limit: limit)
    case .noMemory(let bytes):
      .archive(.system(path: path, operation: "read \(object) of \(bytes) bytes of", reason: "not enough memory"))
    case .tooMany(let what, let limit): .tooMany(path: path, what: what, limit: limit)
    case .truncated(let needed, let available):
      .archive(.truncated(path: path, part: object, needed: needed, available: available))
    }
  }

  /// `part` says which part of the object is concerned, such as "attribute 'x'".
  func refusal(of object: String, part: String? = nil, losesData: Bool = true) -> HDF5Contents.Refusal {
    let prefix = part.map { $0 + ": " } ?? ""
    var refusal = HDF5Contents.Refusal(
      path: object, reason: (prefix + reason).printable, kind: kind, losesData: losesData)
    if case .followable = self { refusal.isFollowedOnRequest = true }
    return refusal
  }

  private var kind: HDF5Contents.Refusal.Kind {
    switch self {
    case .damage, .truncated: .damage
    case .unsupported, .missingLibrary: .unsupported
    case .elsewhere, .followable, .absent: .elsewhere
    case .tooLarge, .noMemory, .tooMany: .limit
    }
  }

  private var reason: String {
    switch self {
    case .damage(let reason): "damaged: \(reason)"
    case .unsupported(let feature): "\(feature) is not supported"
    case .missingLibrary(let feature, let fault): "\(feature): \(fault)"
    case .elsewhere(let how), .followable(let how): "it \(how)"
    case .absent: "it does not exist"
    case .tooLarge(let bytes, let limit): "refused: declares \(bytes) bytes, the limit is \(limit)"
    case .noMemory(let bytes): "not enough memory for \(bytes) bytes"
    case .tooMany(let what, let limit): "refused: more than \(limit) \(what)"
    case .truncated(let needed, let available): "truncated: needs \(needed) bytes, \(available) are present"
    }
  }
}

extension Int {
  /// `self * other`, or `nil` where an `Int` cannot hold it.
  func times(_ other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// `self + other`, or `nil` where an `Int` cannot hold it.
  func plus(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// The position of the highest bit that is set; 0 for 0.
  var log2: Int { self <= 0 ? 0 : Int.bitWidth - 1 - leadingZeroBitCount }

  /// The bytes in which the specification encodes numbers up to this one.
  var encodedSize: Int { log2 / 8 + 1 }
}
