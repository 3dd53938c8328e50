import AviaryArchives

/// A way in which text cannot be read, or is not what it is used for.
public enum TextFault: Error, Equatable, CustomStringConvertible {
  /// The file cannot be read.
  case unreadable(ArchiveFault)
  /// The file is larger than what is read into memory.
  case tooLarge(path: String, bytes: Int, limit: Int)
  /// A byte of the file belongs to no character; it is counted from 0.
  case notUTF8(path: String, byte: Int)
  /// There are too few characters for what is to be done with them.
  case tooShort(path: String, characters: Int, needed: Int)
  /// A character is none of the vocabulary's; its position is counted from 0.
  case unknownCharacter(character: String, position: Int)
  /// What is given as a vocabulary is none.
  case badVocabulary(reason: String)
  /// A number is out of its range.
  case outOfRange(name: String, value: String, allowed: String)

  public var description: String {
    switch self {
    case .unreadable(let fault): "\(fault)"
    case .tooLarge(let path, let bytes, let limit):
      "\(path): \(bytes) bytes are more than the \(limit) that are read at most; use a part of the text"
    case .notUTF8(let path, let byte): "\(path): byte \(byte) is not UTF-8; convert the text first"
    case .tooShort(let path, let characters, let needed):
      "\(path): \(characters) characters are fewer than the \(needed) needed; use more text, or shorter sequences"
    case .unknownCharacter(let character, let position):
      "character \(character) at position \(position) is not in the vocabulary; leave it out"
    case .badVocabulary(let reason): "not a vocabulary: \(reason)"
    case .outOfRange(let name, let value, let allowed): "\(name) is \(value); it has to be \(allowed)"
    }
  }
}
