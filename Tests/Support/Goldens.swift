import Foundation

/// A file of golden values, written by `tools/goldens.py` from PyTorch in float64.
///
/// `operators` holds cases, `case/<operator>/<name>/<array>`: the inputs under PyTorch's names, the output `y`, the
/// upstream gradient `dy`, the gradient `d_<input>` of every input, and `<buffer>_after` for what the operator updates;
/// a case's geometry stands in the metadata. See `cases(of:)`.
///
/// The toys (`toy-resnet`, …) hold `x`, `labels`, `weight/<path>`, `logits/inference` (before the step),
/// `logits/training`, `loss`, `gradient/<path>`, `gradient_of_x`, `updated/<path>` (statistics after the step) and
/// `logits/inference_after`. The full networks have weights and input by `Goldens.formula`, and of each gradient
/// `gradient_norm/<path>`, `gradient_first/<path>` (16 elements) and `gradient_spread/<path>` (64: number j is element
/// j·count/64); of the statistics the first 16.
public struct Goldens: Sendable {
  /// An array in row-major order. Values of int64 arrays stand in `integers`, all others in `values`.
  public struct Array: Sendable, Equatable {
    public let shape: [Int]
    public let values: [Double]
    public let integers: [Int64]

    /// The values as float32: exact for inputs and weights.
    public var floats: [Float] { values.map { Float($0) } }
  }

  public let path: String
  public let arrays: [String: Array]
  public let metadata: [String: String]

  /// Reads `Tests/<target>/Goldens/<name>.safetensors`, as in `Goldens("operators", of: "TensorsTests")`.
  public init(_ name: String, of target: String) throws(GoldenFault) {
    try self.init(path: Self.url("\(name).safetensors", of: target).path)
  }

  /// Reads any safetensors file of float32, float64 and int64.
  public init(path: String) throws(GoldenFault) {
    let file = try SafetensorsFile(path: path)
    self.path = path
    metadata = file.metadata
    arrays = file.entries.mapValues { entry in
      let elements = file.elements(of: entry)
      return Array(shape: entry.shape, values: elements.floating, integers: elements.whole)
    }
  }

  /// The address of a golden file of another kind, such as JSON.
  public static func url(_ file: String, of target: String) -> URL {
    PackageRoot.url.appendingPathComponent("Tests/\(target)/Goldens/\(file)")
  }

  public func array(_ name: String) throws(GoldenFault) -> Array {
    guard let array = arrays[name] else { throw .missing(name: name, path: path) }
    return array
  }

  /// The arrays whose names begin with `<prefix>/`, under the rest of their names.
  public func arrays(under prefix: String) -> [String: Array] {
    var found: [String: Array] = [:]
    for (name, array) in arrays where name.hasPrefix(prefix + "/") {
      found[String(name.dropFirst(prefix.count + 1))] = array
    }
    return found
  }

  /// A metadata entry that holds JSON.
  public func json<Value: Decodable>(_ key: String, as type: Value.Type = Value.self) throws(GoldenFault) -> Value {
    guard let text = metadata[key] else { throw .missing(name: "metadata \(key)", path: path) }
    do {
      return try JSONDecoder().decode(type, from: Data(text.utf8))
    } catch {
      throw .malformed(path: path, reason: "metadata \(key) is not \(type) (\(error))")
    }
  }

  /// The cases of an operator, sorted by name. None at all is a fault: a loop over nothing would pass.
  public func cases(of operatorName: String) throws(GoldenFault) -> [GoldenCase] {
    let prefix = "case/\(operatorName)/"
    var cases: [GoldenCase] = []
    for key in metadata.keys.sorted() where key.hasPrefix(prefix) {
      cases.append(
        GoldenCase(
          name: String(key.dropFirst(5)), geometry: try json(key, as: [String: Setting].self),
          arrays: arrays(under: key), path: path))
    }
    guard !cases.isEmpty else { throw .missing(name: prefix, path: path) }
    return cases
  }

  /// Numbers that `tools/goldens_store.py` makes alike: offset + scale·u with u in [−1, 1), a hash of the index and of `k`.
  ///
  /// Of a full network's state dictionary, entry number k (from 0, `num_batches_tracked` counted but zero) is: two or
  /// more dimensions, scale √(6 / fan-in); biases and running means, scale 0.1; weights of normalisations and running
  /// variances, offset 1 and scale 0.1. Its input has the `input_k` of the metadata and scale 1.
  public static func formula(count: Int, k: Int, scale: Double, offset: Double = 0) -> [Float] {
    (0..<count).map { index in
      var h = UInt32(truncatingIfNeeded: index) &* 2_654_435_761 &+ UInt32(truncatingIfNeeded: k) &* 40503
      h ^= h >> 16
      h = h &* 0x85eb_ca6b
      h ^= h >> 13
      h = h &* 0xc2b2_ae35
      h ^= h >> 16
      return Float(offset + scale * (Double(h) / 4_294_967_296 * 2 - 1))
    }
  }
}
