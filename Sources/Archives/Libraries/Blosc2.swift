import AviaryPlatform

/// Decompresses Blosc2 frames by c-blosc2: <https://github.com/Blosc/c-blosc2/blob/main/README_CFRAME_FORMAT.rst>.
@safe public struct Blosc2: Sendable {
  /// c-blosc2, whose interface is the same for all that is used here from version 2.8 on.
  public static let library = OptionalLibrary(
    "libblosc2", files: (2...12).reversed().flatMap { SharedLibrary.files(stem: "blosc2", version: $0) },
    package: SharedLibrary.isHomebrew ? "c-blosc2" : "libblosc2-dev")

  private typealias Begin = @convention(c) @Sendable () -> Void
  private typealias Open = @convention(c) @Sendable (UnsafeMutableRawPointer?, Int64, Bool) -> OpaquePointer?
  private typealias Close = @convention(c) @Sendable (OpaquePointer?) -> Int32
  private typealias Decompress =
    @convention(c) @Sendable (OpaquePointer?, Int64, UnsafeMutableRawPointer?, Int32) -> Int32
  private typealias OpenArray =
    @convention(c) @Sendable (OpaquePointer?, UnsafeMutablePointer<OpaquePointer?>?) -> Int32
  private typealias CopyArray = @convention(c) @Sendable (OpaquePointer?, UnsafeMutableRawPointer?, Int64) -> Int32

  private let open: Open
  private let close: Close
  private let decompress: Decompress
  private let openArray: OpenArray
  private let closeArray: Close
  private let copyArray: CopyArray

  /// - Throws: `LibraryFault` where `library` is not installed.
  public init(_ library: OptionalLibrary = Self.library) throws(LibraryFault) {
    let begin: Begin = unsafe try library.function("blosc2_init")
    unsafe open = try library.function("blosc2_schunk_from_buffer")
    unsafe close = try library.function("blosc2_schunk_free")
    unsafe decompress = try library.function("blosc2_schunk_decompress_chunk")
    unsafe openArray = try library.function("b2nd_from_schunk")
    unsafe closeArray = try library.function("b2nd_free")
    unsafe copyArray = try library.function("b2nd_to_cbuffer")
    // Does nothing when it is called again.
    begin()
  }

  /// Exactly `size` bytes: the elements, row by row, where the frame is an array of several axes, else its first chunk;
  /// `nil` where the frame is damaged or has another size.
  public func decompressed(_ frame: ByteRegion, size: Int) -> ByteRegion? {
    guard size > 0, let most = Int32(exactly: size) else { return nil }
    // The library takes the bytes as its own to change.
    var bytes = frame.array()
    var whole = false
    let content = ByteRegion(
      unsafe Memory(count: size) { target in
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe bytes.withUnsafeMutableBytes { source in
          guard let chunks = unsafe open(source.baseAddress, Int64(source.count), true) else { return }
          var array: OpaquePointer?
          if unsafe openArray(chunks, &array) == 0, unsafe array != nil {
            // An array takes a buffer that is larger than itself; of exactly its size is one that cannot lose a byte.
            let fits = unsafe copyArray(array, target.baseAddress, Int64(size)) == 0
            whole = unsafe fits && copyArray(array, target.baseAddress, Int64(size - 1)) != 0
            // It owns the chunks.
            _ = unsafe closeArray(array)
          } else {
            whole = unsafe decompress(chunks, 0, target.baseAddress, most) == most
            _ = unsafe close(chunks)
          }
        }
      })
    return whole ? content : nil
  }
}
