/// A way in which a pickle cannot be read.
public enum PickleFault: Swift.Error, Equatable, Sendable, CustomStringConvertible {
  /// The pickle ends in the middle of an instruction, or without STOP.
  case truncated(path: String, offset: Int)
  /// An instruction that is not in the fixed list.
  case opcode(path: String, code: UInt8, offset: Int)
  /// An instruction that does not fit what lies on the stack, or an argument that is no number or no text.
  case malformed(path: String, offset: Int, reason: String)
  /// More values or memo entries than the limit: a bomb, or no checkpoint.
  case tooLarge(path: String, limit: Int)

  public var description: String {
    switch self {
    case .truncated(let path, let offset):
      "\(path): truncated: the pickle ends at byte \(offset) before it is complete; fetch the file again"
    case .opcode(let path, let code, let offset):
      "\(path): refused: pickle instruction 0x\(String(code, radix: 16)) at byte \(offset) is not one that weights need"
    case .malformed(let path, let offset, let reason): "\(path): damaged: pickle at byte \(offset): \(reason)"
    case .tooLarge(let path, let limit): "\(path): refused: its pickle holds more than \(limit) values"
    }
  }
}
