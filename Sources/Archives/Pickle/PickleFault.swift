/// Why a pickle cannot be read.
public enum PickleFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// The pickle ends in the middle of an instruction, or without STOP.
  case truncated(path: String, offset: Int)
  /// An instruction that is not on the list of allowed ones.
  case opcode(path: String, code: UInt8, offset: Int)
  /// An instruction does not match the values on the stack, or an argument is not the expected number or text.
  case malformed(path: String, offset: Int, reason: String)
  /// The pickle has more values or memo entries than the limit.
  case tooLarge(path: String, limit: Int)

  public var description: String {
    switch self {
    case .truncated(let path, let offset):
      "\(path): truncated: the pickle ends early, at byte \(offset); download the file again"
    case .opcode(let path, let code, let offset):
      "\(path): refused: pickle instruction 0x\(String(code, radix: 16)) at byte \(offset) is not allowed, because weights do not need it"
    case .malformed(let path, let offset, let reason): "\(path): damaged: pickle at byte \(offset): \(reason)"
    case .tooLarge(let path, let limit): "\(path): refused: the pickle holds more than \(limit) values"
    }
  }
}
