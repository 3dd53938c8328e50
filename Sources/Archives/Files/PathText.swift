/// Paths as text.
///
/// The system's names are bytes, and old archives hold names that are not UTF-8. Such a byte becomes the private-use scalar
/// U+EF00 + byte, U+EF80 to U+EFFF, and that scalar the byte when a file is opened. A name that holds these scalars itself
/// has each of their bytes escaped, so that every name has a text of its own, and every text leads back to its name.
public enum PathText {
  /// The text for the bytes of a name or path.
  public static func text(of bytes: [UInt8]) -> String {
    if let text = String(validating: bytes, as: UTF8.self),
      !text.unicodeScalars.contains(where: { byte(of: $0) != nil })
    {
      return text
    }
    var result = String.UnicodeScalarView()
    func escape(_ bytes: some Sequence<UInt8>) { result += bytes.compactMap { Unicode.Scalar(0xef00 + UInt32($0)) } }
    var parser = Unicode.UTF8.ForwardParser()
    var rest = bytes.makeIterator()
    var position = 0
    while true {
      switch parser.parseScalar(from: &rest) {
      case .valid(let encoded):
        let scalar = Unicode.UTF8.decode(encoded)
        if byte(of: scalar) == nil { result.append(scalar) } else { escape(encoded) }
        position += encoded.count
      case .error(let length):
        escape(bytes[position..<position + length])
        position += length
      case .emptyInput: return String(result)
      }
    }
  }

  /// The bytes that the system knows the path by.
  public static func bytes(of text: String) -> [UInt8] {
    // Escapes begin with this byte in UTF-8, and hardly any other text has it.
    guard text.utf8.contains(0xee) else { return Array(text.utf8) }
    return text.unicodeScalars.flatMap { scalar in byte(of: scalar).map { [$0] } ?? Array(UTF8.encode(scalar)!) }
  }

  /// The path for a system call.
  public static func cString(_ path: String) -> [CChar] { bytes(of: path).map { CChar(bitPattern: $0) } + [0] }

  /// The byte that a scalar stands for; nil if it stands for itself.
  public static func byte(of scalar: Unicode.Scalar) -> UInt8? {
    (0xef80...0xefff).contains(scalar.value) ? UInt8(truncatingIfNeeded: scalar.value) : nil
  }

  /// The arguments of the process, the program's name first. The standard library's replace what is not UTF-8.
  public static let arguments: [String] = {
    let pointers = unsafe UnsafeBufferPointer(start: CommandLine.unsafeArgv, count: Int(CommandLine.argc))
    return unsafe pointers.compactMap { pointer in unsafe pointer.map { unsafe text(cString: $0) } }
  }()

  static func text(cString: UnsafePointer<CChar>) -> String {
    var bytes: [UInt8] = []
    var place = unsafe cString
    while unsafe place.pointee != 0 {
      bytes.append(UInt8(bitPattern: unsafe place.pointee))
      unsafe place += 1
    }
    return text(of: bytes)
  }
}
