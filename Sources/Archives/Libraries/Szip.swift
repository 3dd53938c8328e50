/// Decompresses szip, the extended Rice coding of CCSDS 121.0-B, by libaec's libsz.
@safe public struct Szip: Sendable {
  /// libaec's replacement of the Szip library.
  public static let library = OptionalLibrary(stem: "sz", version: 2, debian: "libsz2", homebrew: "libaec")

  /// What the compressor was told: `SZ_com_t`, in its order.
  public struct Parameters: Sendable, Equatable {
    /// Options as bits, such as entropy coding (4) or nearest neighbour coding (32).
    public let options: UInt32
    public let bitsPerPixel: UInt32
    /// Even, from 2 to 32.
    public let pixelsPerBlock: UInt32
    /// At least one block, at most 4096.
    public let pixelsPerScanline: UInt32

    public init(options: UInt32, bitsPerPixel: UInt32, pixelsPerBlock: UInt32, pixelsPerScanline: UInt32) {
      self.options = options
      self.bitsPerPixel = bitsPerPixel
      self.pixelsPerBlock = pixelsPerBlock
      self.pixelsPerScanline = pixelsPerScanline
    }

    /// Whether the values are ones that the library is made for: it does not check them, and divides by some.
    var isValid: Bool {
      ((1...32).contains(bitsPerPixel) || bitsPerPixel == 64) && (2...32).contains(pixelsPerBlock)
        && pixelsPerBlock % 2 == 0 && (pixelsPerBlock...4096).contains(pixelsPerScanline)
    }
  }

  private typealias Decompress =
    @convention(c) @Sendable (
      UnsafeMutableRawPointer?, UnsafeMutablePointer<Int>?, UnsafeRawPointer?, Int, UnsafeMutableRawPointer?
    ) -> Int32

  private let decompress: Decompress

  /// - Throws: `LibraryFault` where `library` is not installed.
  public init(_ library: OptionalLibrary = Self.library) throws(LibraryFault) {
    unsafe decompress = try library.function("SZ_BufftoBuffDecompress")
  }

  /// Exactly `size` bytes, which is what decides what is allocated; `nil` where the bytes or the parameters are damaged.
  public func decompressed(_ bytes: ByteRegion, size: Int, _ parameters: Parameters) -> ByteRegion? {
    guard parameters.isValid else { return nil }
    var settings = [
      parameters.options, parameters.bitsPerPixel, parameters.pixelsPerBlock, parameters.pixelsPerScanline,
    ]
    var made = size
    var status: Int32 = 0
    // Zeros, because the library says that it has filled all even where the bytes end early.
    let whole = ByteRegion(
      unsafe Memory(count: size) { target in
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0)
        unsafe bytes.withPointer { source in
          unsafe settings.withUnsafeMutableBytes { settings in
            status = unsafe decompress(
              target.baseAddress, &made, source.baseAddress, source.count, settings.baseAddress)
          }
        }
      })
    return status == 0 && made == size ? whole : nil
  }
}
