import AviaryArchives

/// Why an object cannot be read. The reader adds file and object and makes an `HDF5Fault` or a refusal of it.
enum Flaw: Swift.Error {
  /// The bytes contradict the format.
  case damage(String)
  /// A valid feature that is not read, such as "compression by szip".
  case unsupported(String)
  /// What is named lies elsewhere: "is a soft link to 'x'".
  case elsewhere(String)
  case tooLarge(bytes: Int, limit: Int)
  case tooMany(String, limit: Int)
  /// Bytes are needed that lie beyond the end of the file.
  case truncated(needed: Int, available: Int)

  static func overflow(_ what: String) -> Flaw { .damage("\(what) overflows") }

  func fault(path: String, object: String) -> HDF5Fault {
    switch self {
    case .damage(let reason): .damaged(path: path, object: object, reason: reason)
    case .unsupported(let feature): .unsupported(path: path, object: object, feature: feature)
    case .elsewhere(let how): .leavesFile(path: path, object: object, how: how)
    case .tooLarge(let bytes, let limit): .tooLarge(path: path, object: object, bytes: bytes, limit: limit)
    case .tooMany(let what, let limit): .tooMany(path: path, what: what, limit: limit)
    case .truncated(let needed, let available):
      .archive(.truncated(path: path, part: object, needed: needed, available: available))
    }
  }

  /// `part` says which part of the object is concerned, such as "attribute 'x'".
  func refusal(of object: String, part: String? = nil) -> HDF5Contents.Refusal {
    let prefix = part.map { $0 + ": " } ?? ""
    return .init(path: object, reason: (prefix + reason).printable, kind: kind)
  }

  private var kind: HDF5Contents.Refusal.Kind {
    switch self {
    case .damage, .truncated: .damage
    case .unsupported: .unsupported
    case .elsewhere: .elsewhere
    case .tooLarge, .tooMany: .limit
    }
  }

  private var reason: String {
    switch self {
    case .damage(let reason): "damaged: \(reason)"
    case .unsupported(let feature): "\(feature) is not supported"
    case .elsewhere(let how): "it \(how)"
    case .tooLarge(let bytes, let limit): "refused: declares \(bytes) bytes, the limit is \(limit)"
    case .tooMany(let what, let limit): "refused: more than \(limit) \(what)"
    case .truncated(let needed, let available): "truncated: needs \(needed) bytes, \(available) are there"
    }
  }
}

extension Int {
  /// `self * other`, or `nil` where that is no `Int`.
  func times(_ other: Int) -> Int? {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? nil : product
  }

  /// `self + other`, or `nil` where that is no `Int`.
  func plus(_ other: Int) -> Int? {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? nil : sum
  }

  /// How many bits below the highest that is set; 0 for 0.
  var log2: Int { self <= 0 ? 0 : Int.bitWidth - 1 - leadingZeroBitCount }

  /// Bytes that the specification uses to encode any number up to this one.
  var encodedSize: Int { log2 / 8 + 1 }
}
