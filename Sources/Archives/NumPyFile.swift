extension NumPyArray {
  /// Reads an `.npy` file of version 1 to 3, which fills `region`.
  ///
  /// - Parameter name: the name of the array, for faults.
  public init(npy region: ByteRegion, path: String, name: String) throws(NumPyFault) {
    guard region.count >= 8, region.part(0..<6)?.array() == [0x93] + Array("NUMPY".utf8) else {
      throw .notNumPy(path: path, array: name)
    }
    let version = Int(region[6])
    guard (1...3).contains(version) else { throw .version(path: path, array: name, version: version) }
    var cursor = ByteCursor(region, offset: 8, path: path, part: "the header of \(name)")
    let text: [UInt8]
    do throws(ArchiveFault) {
      let length = version == 1 ? Int(try cursor.integer(UInt16.self)) : Int(try cursor.integer(UInt32.self))
      guard length <= NumPyHeader.limit else {
        throw ArchiveFault.malformed(path: path, part: cursor.part, reason: "\(length) bytes are too many")
      }
      text = try cursor.bytes(length)
    } catch {
      throw .archive(error)
    }
    var parser = NumPyHeader.Parser(text)
    let header: NumPyHeader
    do throws(NumPyHeader.Mistake) { header = try parser.header() } catch {
      throw .header(path: path, array: name, reason: error.reason)
    }
    guard let description = header.type, let type = NumPyType(description) else {
      throw .unsupportedType(path: path, array: name, type: header.type ?? "record")
    }
    guard let body = region.part(from: cursor.offset, count: region.count - cursor.offset) else {
      throw .size(path: path, array: name, shape: header.shape, bytes: 0)
    }
    if type.element == .objects {
      let graph: PickleGraph
      do throws(PickleFault) { graph = try PickleGraph(body, path: path) } catch { throw .pickle(error) }
      guard let given = graph.numPyObjects(graph.root), type.byteCount(of: header.shape) != nil,
        given.count == header.shape.reduce(1, *)
      else { throw .objects(path: path, array: name) }
      self.init(objects: given, shape: header.shape, isFortranOrder: header.isFortranOrder)
      return
    }
    guard let bytes = type.byteCount(of: header.shape), bytes == body.count else {
      throw .size(path: path, array: name, shape: header.shape, bytes: body.count)
    }
    self.init(type, shape: header.shape, isFortranOrder: header.isFortranOrder, bytes: body)
  }
}

/// An `.npz` file: a ZIP archive of arrays by name.
public struct NumPyArchive: Sendable {
  private let archive: ZipArchive
  private let path: String

  /// Arrays of one repeated value, such as the ones of an adjacency matrix, reach the highest ratio of deflate.
  private static let limits = ZipArchive.Limits(size: 1 << 30, ratio: 1032)

  /// Whether the bytes begin like an archive whose first member is an array.
  public static func matches(_ region: ByteRegion) -> Bool {
    guard ZipArchive.matches(region), let head = region.part(0..<30)?.array() else { return false }
    let length = Int(head[26]) | Int(head[27]) << 8
    return region.part(from: 30, count: length)?.array().suffix(4) == Array(".npy".utf8)[...]
  }

  public init(path: String) throws(NumPyFault) {
    do throws(ArchiveFault) {
      try self.init(try MappedFile(path: path).bytes, path: path)
    } catch {
      throw .archive(error)
    }
  }

  /// Reads the directory of the archive in `region`; `path` names it in faults.
  public init(_ region: ByteRegion, path: String) throws(ArchiveFault) {
    archive = try ZipArchive(region, path: path, limits: Self.limits)
    self.path = path
  }

  /// The names of the arrays, without `.npy`, in the order of the archive.
  public var names: [String] {
    archive.members.filter { $0.name.hasSuffix(".npy") }.map { String($0.name.dropLast(4)) }
  }

  /// The unpacked bytes of all arrays, headers included; `Int.max` where the sum is larger.
  public var unpackedSize: Int {
    archive.members.reduce(0) { total, member in
      let (sum, overflow) = total.addingReportingOverflow(member.size)
      return overflow ? .max : sum
    }
  }

  /// The size of the archive in bytes.
  public var size: Int { archive.size }

  /// Whether there is an array of this name.
  public func holds(_ name: String) -> Bool { archive.member(named: name + ".npy") != nil }

  /// Whether the bytes of an array are stored uncompressed.
  package func isStored(_ name: String) -> Bool { archive.member(named: name + ".npy")?.isStored ?? false }

  /// The array of this name. The checksum of a deflated array is always checked, that of a stored one only with `verify`.
  public func array(_ name: String, verify: Bool = false) throws(NumPyFault) -> NumPyArray {
    let contents: ByteRegion
    do throws(ArchiveFault) {
      guard let member = archive.member(named: name + ".npy") else {
        throw ArchiveFault.noMember(path: path, member: name + ".npy")
      }
      contents = try archive.contents(of: member, verify: verify)
    } catch {
      throw .archive(error)
    }
    return try NumPyArray(npy: contents, path: path, name: name)
  }
}

/// The header of an `.npy` file: a Python dictionary with three entries.
struct NumPyHeader {
  /// The longest header: a line of text. NumPy accepts 10,000 bytes.
  static let limit = 65_536

  /// `nil` for a record, which a list describes.
  var type: String?
  var isFortranOrder: Bool
  var shape: [Int]

  struct Mistake: Swift.Error {
    let reason: String
  }

  /// A parser for the Python in headers: dictionaries of texts, booleans, and tuples of integers.
  struct Parser {
    private let text: [UInt8]
    private var place = 0

    init(_ text: [UInt8]) { self.text = text }

    mutating func header() throws(Mistake) -> NumPyHeader {
      var type: String??
      var order: Bool?
      var shape: [Int]?
      try expect("{")
      while !take("}") {
        let key = try string()
        try expect(":")
        switch key {
        case "descr":
          if next == UInt8(ascii: "[") {
            type = .some(nil)
            try skipList()
          } else {
            type = try string()
          }
        case "fortran_order": order = try boolean()
        case "shape": shape = try tuple()
        default: throw Mistake(reason: "an unknown entry '\(key.prefix(40))'")
        }
        if !take(",") {
          try expect("}")
          break
        }
      }
      guard next == nil else { throw Mistake(reason: "something follows the dictionary") }
      guard let type, let order, let shape else { throw Mistake(reason: "descr, fortran_order or shape is missing") }
      return NumPyHeader(type: type, isFortranOrder: order, shape: shape)
    }

    /// The next byte that is not white space.
    private var next: UInt8? {
      mutating get {
        while place < text.count, [9, 10, 13, 32, 0].contains(text[place]) { place += 1 }
        return place < text.count ? text[place] : nil
      }
    }

    private mutating func take(_ symbol: Unicode.Scalar) -> Bool {
      guard next == UInt8(ascii: symbol) else { return false }
      place += 1
      return true
    }

    private mutating func expect(_ symbol: Unicode.Scalar) throws(Mistake) {
      guard take(symbol) else { throw Mistake(reason: "byte \(place) is not '\(symbol)'") }
    }

    private mutating func string() throws(Mistake) -> String {
      guard let quote = next, quote == 0x27 || quote == 0x22,
        let end = text[(place + 1)...].firstIndex(of: quote)
      else { throw Mistake(reason: "no text begins at byte \(place)") }
      defer { place = end + 1 }
      return String(decoding: text[(place + 1)..<end], as: UTF8.self)
    }

    private mutating func word() -> String {
      _ = next
      let start = place
      while place < text.count, text[place] > 32, !Array(",(){}[]:'\"".utf8).contains(text[place]) { place += 1 }
      return String(decoding: text[start..<place], as: UTF8.self)
    }

    private mutating func boolean() throws(Mistake) -> Bool {
      switch word() {
      case "True": return true
      case "False": return false
      case let other: throw Mistake(reason: "'\(other.prefix(40))' is neither True nor False")
      }
    }

    private mutating func tuple() throws(Mistake) -> [Int] {
      try expect("(")
      var numbers: [Int] = []
      while !take(")") {
        var digits = word()
        // Python 2 marked long integers.
        if digits.hasSuffix("L") { digits.removeLast() }
        guard let number = Int(digits), number >= 0, numbers.count < 32 else {
          throw Mistake(reason: "'\(digits.prefix(40))' is not the length of an axis, or there are too many axes")
        }
        numbers.append(number)
        if !take(",") {
          try expect(")")
          break
        }
      }
      return numbers
    }

    /// Skips the description of a record.
    private mutating func skipList() throws(Mistake) {
      var depth = 0
      repeat {
        guard let byte = next else { throw Mistake(reason: "a list does not end") }
        if byte == UInt8(ascii: "[") { depth += 1 }
        if byte == UInt8(ascii: "]") { depth -= 1 }
        place += 1
      } while depth > 0
    }
  }
}
