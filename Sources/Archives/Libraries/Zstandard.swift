/// Decompresses Zstandard frames (RFC 8878) by libzstd.
@safe public struct Zstandard: Sendable {
  /// libzstd, which every current Linux distribution installs.
  public static let library = OptionalLibrary(stem: "zstd", version: 1, debian: "libzstd1", homebrew: "zstd")

  private typealias Decompress =
    @convention(c) @Sendable (
      UnsafeMutableRawPointer?, Int, UnsafeRawPointer?, Int
    ) -> Int
  private typealias IsError = @convention(c) @Sendable (Int) -> UInt32
  private typealias ContentSize = @convention(c) @Sendable (UnsafeRawPointer?, Int) -> UInt64

  private let decompress: Decompress
  private let isError: IsError
  private let contentSize: ContentSize

  /// - Throws: `LibraryFault` where `library` is not installed.
  public init(_ library: OptionalLibrary = Self.library) throws(LibraryFault) {
    unsafe decompress = try library.function("ZSTD_decompress")
    unsafe isError = try library.function("ZSTD_isError")
    unsafe contentSize = try library.function("ZSTD_getFrameContentSize")
  }

  /// The content of a frame: exactly `size` bytes, or, where that is `nil`, as many as the frame declares, up to `limit`.
  /// `nil` where the frame is damaged or has another size. Nothing but `size` and `limit` decides what is allocated.
  public func decompressed(_ frame: ByteRegion, size: Int?, limit: Int) -> ByteRegion? {
    let room: Int
    if let size {
      room = size
    } else {
      let declared = unsafe frame.withPointer { unsafe contentSize($0.baseAddress, $0.count) }
      // The two largest numbers stand for an unknown size and for a damaged frame.
      switch declared {
      case .max: room = limit
      case .max - 1: return nil
      default:
        guard let declared = Int(exactly: declared), declared <= limit else { return nil }
        room = declared
      }
    }
    var made = 0
    let whole = ByteRegion(
      unsafe Memory(count: room) { target in
        unsafe frame.withPointer { source in
          made = unsafe decompress(target.baseAddress, target.count, source.baseAddress, source.count)
        }
      })
    guard isError(made) == 0, size ?? made == made else { return nil }
    return whole.part(from: 0, count: made)
  }
}
