import Foundation

/// Why a golden file cannot be used.
public enum GoldenFault: Error, Equatable, CustomStringConvertible {
  /// The file does not exist or cannot be read.
  case unreadable(path: String)
  /// The file is not a well-formed safetensors file of float32, float64 and int64.
  case malformed(path: String, reason: String)
  /// The file has no array (or metadata entry, or case) of this name.
  case missing(name: String, path: String)

  public var description: String {
    switch self {
    case .unreadable(let path): "\(path): cannot be read; tools/goldens.py writes it"
    case .malformed(let path, let reason): "\(path): \(reason); tools/goldens.py writes it anew"
    case .missing(let name, let path): "\(path): has no \(name); is it older than the test? tools/goldens.py writes it"
    }
  }
}

/// A small, strict reader of safetensors files, apart from the package's own so that a fault there cannot hide here.
///
/// The format: eight bytes with the header's length (little-endian), the header in JSON, the arrays' bytes. Arrays must
/// cover the data without gap or overlap (https://huggingface.co/docs/safetensors).
struct SafetensorsFile {
  enum ElementType: String, Decodable {
    case float32 = "F32"
    case float64 = "F64"
    case int64 = "I64"

    var size: Int { self == .float32 ? 4 : 8 }
  }

  struct Entry {
    let type: ElementType
    let shape: [Int]
    let range: Range<Int>
  }

  let path: String
  let entries: [String: Entry]
  let metadata: [String: String]
  private let bytes: [UInt8]

  init(path: String) throws(GoldenFault) {
    guard let contents = FileManager.default.contents(atPath: path) else { throw .unreadable(path: path) }
    try self.init(bytes: [UInt8](contents), path: path)
  }

  init(bytes: [UInt8], path: String) throws(GoldenFault) {
    func malformed(_ reason: String) -> GoldenFault { .malformed(path: path, reason: reason) }
    guard bytes.count >= 8 else { throw malformed("\(bytes.count) bytes, too few for a header") }
    let length = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << (8 * UInt64($1)) }
    guard length <= UInt64(bytes.count - 8) else { throw malformed("a header of \(length) bytes is cut off") }
    let start = 8 + Int(length)

    let header: [String: HeaderValue]
    do {
      header = try JSONDecoder().decode([String: HeaderValue].self, from: Data(bytes[8..<start]))
    } catch {
      throw malformed("the header is not as it should be (\(error))")
    }
    var metadata: [String: String] = [:]
    var entries: [String: Entry] = [:]
    for (name, value) in header {
      switch value {
      case .metadata(let values):
        guard name == "__metadata__" else { throw malformed("\(name) is no array") }
        metadata = values
      case .array(let type, let shape, let offsets):
        guard offsets.count == 2, 0 <= offsets[0], offsets[0] <= offsets[1], offsets[1] <= bytes.count - start else {
          throw malformed("\(name) has the offsets \(offsets), the data \(bytes.count - start) bytes")
        }
        var size = type.size
        for dimension in shape {
          let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
          guard dimension >= 0, !overflow else { throw malformed("\(name) has the shape \(shape)") }
          size = product
        }
        guard size == offsets[1] - offsets[0] else {
          throw malformed("\(name) of shape \(shape) has \(offsets[1] - offsets[0]) bytes instead of \(size)")
        }
        entries[name] = Entry(type: type, shape: shape, range: start + offsets[0]..<start + offsets[1])
      }
    }
    var end = start
    for (name, entry) in entries.sorted(by: {
      ($0.value.range.lowerBound, $0.value.range.upperBound)
        < ($1.value.range.lowerBound, $1.value.range.upperBound)
    }) {
      guard entry.range.lowerBound == end else { throw malformed("there is a gap or an overlap before \(name)") }
      end = entry.range.upperBound
    }
    guard end == bytes.count else { throw malformed("\(bytes.count - end) bytes follow the last array") }
    self.path = path
    self.entries = entries
    self.metadata = metadata
    self.bytes = bytes
  }

  /// The elements of an array in row-major order: floating-point numbers, or whole numbers.
  func elements(of entry: Entry) -> (floating: [Double], whole: [Int64]) {
    let starts = stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: entry.type.size)
    switch entry.type {
    case .float32: return (starts.map { Double(Float(bitPattern: UInt32(truncatingIfNeeded: word($0, 4)))) }, [])
    case .float64: return (starts.map { Double(bitPattern: word($0, 8)) }, [])
    case .int64: return ([], starts.map { Int64(bitPattern: word($0, 8)) })
    }
  }

  private func word(_ position: Int, _ size: Int) -> UInt64 {
    var word: UInt64 = 0
    for index in 0..<size { word |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    return word
  }

  /// What stands in the header under a name.
  private enum HeaderValue: Decodable {
    case metadata([String: String])
    case array(ElementType, shape: [Int], offsets: [Int])

    enum Key: String, CodingKey {
      case dtype, shape
      case offsets = "data_offsets"
    }

    init(from decoder: any Decoder) throws {
      let values = try decoder.container(keyedBy: Key.self)
      if values.contains(.offsets) {
        self = .array(
          try values.decode(ElementType.self, forKey: .dtype), shape: try values.decode([Int].self, forKey: .shape),
          offsets: try values.decode([Int].self, forKey: .offsets))
      } else {
        self = .metadata(try decoder.singleValueContainer().decode([String: String].self))
      }
    }
  }
}
