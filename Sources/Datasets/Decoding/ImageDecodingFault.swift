/// Why a file could not be decoded as a picture.
public enum ImageDecodingFault: Swift.Error, Sendable, Equatable, CustomStringConvertible {
  /// The file cannot be opened or read, or is no regular file.
  case unreadable(path: String, reason: String)
  /// The bytes are no picture of a kind that is known here.
  case notAnImage(path: String)
  /// The file is of a picture format, or a kind of JPEG, PNG or WebP, that is not decoded here. It is not broken.
  case unsupported(path: String, format: String)
  /// The file ends before its picture does.
  case truncated(path: String, format: String)
  /// The bytes break the rules of their format.
  case damaged(path: String, format: String, reason: String)
  /// The picture has more pixels than are decoded, `limit`: decoding it would fill the memory.
  case tooLarge(path: String, width: Int, height: Int, limit: Int = DecodedImage.maximumPixels)
  /// There is not enough memory for the picture.
  case outOfMemory(path: String)

  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .notAnImage(let path): "\(path): not an image; JPEG, PNG and WebP are decoded"
    case .unsupported(let path, let format):
      "\(path): \(format) is not supported; convert the image to JPEG, PNG or WebP"
    case .truncated(let path, let format): "\(path): the \(format) file is truncated; copy or download it again"
    case .damaged(let path, let format, let reason): "\(path): the \(format) file is damaged: \(reason)"
    case .tooLarge(let path, let width, let height, let limit):
      "\(path): \(width)x\(height) is more than the \(limit) pixels that are decoded"
    case .outOfMemory(let path): "\(path): not enough memory to decode the image"
    }
  }
}
