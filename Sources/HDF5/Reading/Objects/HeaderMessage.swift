/// One message of an object header (specification IV.A.2).
struct HeaderMessage {
  enum Kind: Int {
    case dataspace = 0x01
    case linkInfo = 0x02
    case datatype = 0x03
    case oldFillValue = 0x04
    case fillValue = 0x05
    case link = 0x06
    case externalFiles = 0x07
    case dataLayout = 0x08
    case groupInfo = 0x0a
    case filterPipeline = 0x0b
    case attribute = 0x0c
    case sharedMessageTable = 0x0f
    case continuation = 0x10
    case symbolTable = 0x11
    case bTreeKValues = 0x13
    case driverInfo = 0x14
    case attributeInfo = 0x15
    case freeSpaceInfo = 0x17
    case cacheImage = 0x18

    /// Whether several objects may share one such message.
    var isShareable: Bool {
      switch self {
      case .dataspace, .datatype, .oldFillValue, .fillValue, .filterPipeline, .attribute: true
      default: false
      }
    }
  }

  /// Messages that a reader does not need: nothing, a comment, two forms of the time, a reference count.
  static let ignored: Set<Int> = [0x00, 0x0d, 0x0e, 0x12, referenceCount]
  static let referenceCount = 0x16

  let kind: Kind
  /// Whether the body only refers to the message.
  let isShared: Bool
  let body: FieldReader
}
