/// Writes a pickle of protocol 2, which every Python since 2.3 reads: what a dictionary of tensors needs.
public struct PickleWriter {
  public private(set) var bytes: [UInt8] = [0x80, 2]

  public init() {}

  /// The name of a function or class, which the reader imports.
  public mutating func global(_ module: String, _ name: String) {
    bytes += [UInt8(ascii: "c")] + Array(module.utf8) + [0x0a] + Array(name.utf8) + [0x0a]
  }

  public mutating func text(_ text: String) {
    let encoded = Array(text.utf8)
    bytes.append(UInt8(ascii: "X"))
    append(UInt32(encoded.count))
    bytes += encoded
  }

  public mutating func integer(_ value: Int) {
    switch value {
    case 0..<0x100: bytes += [UInt8(ascii: "K"), UInt8(value)]
    case 0x100..<0x1_0000:
      bytes.append(UInt8(ascii: "M"))
      append(UInt16(value))
    case Int(Int32.min)...Int(Int32.max):
      bytes.append(UInt8(ascii: "J"))
      append(Int32(value))
    default:
      bytes += [0x8a, 8]
      append(Int64(value))
    }
  }

  public mutating func boolean(_ value: Bool) { bytes.append(value ? 0x88 : 0x89) }

  /// A tuple of the values that `body` writes.
  public mutating func tuple(_ body: (inout PickleWriter) -> Void) {
    bytes.append(UInt8(ascii: "("))
    body(&self)
    bytes.append(UInt8(ascii: "t"))
  }

  public mutating func tuple(_ integers: [Int]) {
    tuple { writer in for value in integers { writer.integer(value) } }
  }

  /// Calls the last value but one with the last value, a tuple, as its arguments.
  public mutating func reduce() { bytes.append(UInt8(ascii: "R")) }

  /// A reference to something outside the pickle, with the last value as its identifier.
  public mutating func persistent() { bytes.append(UInt8(ascii: "Q")) }

  /// Adds the keys and values that `body` writes in turn to the dictionary written last.
  public mutating func items(_ body: (inout PickleWriter) -> Void) {
    bytes.append(UInt8(ascii: "("))
    body(&self)
    bytes.append(UInt8(ascii: "u"))
  }

  /// Ends the pickle.
  public mutating func stop() { bytes.append(UInt8(ascii: ".")) }

  private mutating func append<Value: FixedWidthInteger>(_ value: Value) {
    for shift in stride(from: 0, to: Value.bitWidth, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: value >> Value(shift)))
    }
  }
}
