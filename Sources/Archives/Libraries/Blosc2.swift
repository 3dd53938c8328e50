import AviaryPlatform

/// Decompresses Blosc2 frames, their chunks by c-blosc2: <https://github.com/Blosc/c-blosc2>.
@safe public struct Blosc2: Sendable {
  /// c-blosc2, whose interface is the same for all that is used here from version 2.0 on.
  public static let library = OptionalLibrary(
    "libblosc2", files: (2...12).reversed().flatMap { SharedLibrary.files(stem: "blosc2", version: $0) },
    package: SharedLibrary.isHomebrew ? "c-blosc2" : "libblosc2-dev")

  private typealias Begin = @convention(c) @Sendable () -> Void
  private typealias Decompress =
    @convention(c) @Sendable (UnsafeRawPointer?, Int32, UnsafeMutableRawPointer?, Int32) -> Int32

  private let decompress: Decompress

  /// - Throws: `LibraryFault` where `library` is not installed.
  public init(_ library: OptionalLibrary = Self.library) throws(LibraryFault) {
    let begin: Begin = unsafe try library.function("blosc2_init")
    unsafe decompress = try library.function("blosc2_decompress")
    // Does nothing when it is called again.
    begin()
  }

  /// Exactly `size` bytes: the elements, row by row; `nil` where the frame is damaged, has another size, or has other codecs
  /// and filters than Blosc2's own.
  public func decompressed(_ frame: ByteRegion, size: Int) -> ByteRegion? {
    Blosc2Frame.elements(of: frame, size: size) { chunk($0, size: $1) }
  }

  /// The `size` bytes of a chunk: <https://github.com/Blosc/c-blosc2/blob/main/README_CHUNK_FORMAT.rst>.
  private func chunk(_ chunk: ByteRegion, size: Int) -> ByteRegion? {
    guard let head = chunk.part(from: 0, count: 32)?.array() else { return nil }
    func number(_ offset: Int) -> Int { (0..<4).reduce(0) { $0 | Int(head[offset + $1]) << (8 * $1) } }
    let compressed = number(12)
    // Codecs and filters that are not the library's own are programs that it looks for.
    guard number(4) == size, compressed >= 32, compressed <= chunk.count, let most = Int32(exactly: size),
      let count = Int32(exactly: compressed), head[2] & 5 == 5, [0, 1, 3, 4].contains(head[2] >> 5),
      [0, 1, 2, 4, 5].contains(head[22]), head[16..<22].allSatisfy({ $0 <= 4 })
    else { return nil }
    var whole = false
    let content = ByteRegion(
      unsafe Memory(count: size) { target in
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe chunk.withPointer { source in
          unsafe whole = decompress(source.baseAddress, count, target.baseAddress, most) == most
        }
      })
    return whole ? content : nil
  }
}
