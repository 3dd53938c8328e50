import AviaryArchives
import Testing

@Suite struct OptionalLibraryTests {
  @Test func anAbsentLibraryNamesThePackageToInstall() {
    let library = OptionalLibrary("libabsent", files: ["libaviary-absent.so.1", ""], package: "absent1")
    #expect(!library.isInstalled)
    let fault = LibraryFault.notInstalled(library: "libabsent", package: "absent1")
    #expect(throws: fault) { try Zstandard(library) }
    #expect(fault.description == "libabsent is not installed; install the package absent1")
  }

  @Test(.enabled(if: Zstandard.library.isInstalled, "libzstd is not installed"))
  func anotherLibraryOfTheNameLacksFunctions() {
    // libzstd is not libsz.
    let fault = LibraryFault.noFunction(
      library: Zstandard.library.name, function: "SZ_BufftoBuffDecompress", package: Zstandard.library.package)
    #expect(throws: fault) { try Szip(Zstandard.library) }
    #expect(fault.description.contains("install a newer version of the package"))
  }

  @Test func candidatesAreTriedInTurn() throws {
    guard Zstandard.library.isInstalled else { return }
    #if os(Linux)
      let library = OptionalLibrary("libzstd", files: ["libaviary-absent.so.1", "libzstd.so.1"], package: "libzstd1")
      #expect(library.isInstalled)
      _ = try Zstandard(library)
    #endif
  }

  /// "aviary ", 30 times, compressed by `ZSTD_compress`.
  private static let frame: [UInt8] = [
    40, 181, 47, 253, 32, 210, 117, 0, 0, 56, 97, 118, 105, 97, 114, 121, 32, 1, 0, 72, 81, 197, 8,
  ]

  @Test(.enabled(if: Zstandard.library.isInstalled, "libzstd is not installed"))
  func framesAreUnpackedToWhatTheyHold() throws {
    let codec = try Zstandard()
    let frame = ByteRegion(Self.frame)
    let text = Array(String(repeating: "aviary ", count: 30).utf8)
    #expect(codec.decompressed(frame, size: text.count, limit: 0)?.array() == text)
    #expect(codec.decompressed(frame, size: nil, limit: text.count)?.array() == text)
    // Other sizes, and less room than the frame declares.
    #expect(codec.decompressed(frame, size: text.count - 1, limit: 0) == nil)
    #expect(codec.decompressed(frame, size: text.count + 1, limit: 0) == nil)
    #expect(codec.decompressed(frame, size: nil, limit: text.count - 1) == nil)
    #expect(codec.decompressed(ByteRegion(Array(Self.frame.dropLast())), size: text.count, limit: 0) == nil)
    #expect(codec.decompressed(ByteRegion([UInt8]()), size: 4, limit: 0) == nil)
    #expect(codec.decompressed(ByteRegion(Array("not a frame".utf8)), size: nil, limit: 100) == nil)
  }

  @Test(.enabled(if: Szip.library.isInstalled, "libsz is not installed"))
  func impossibleParametersNeverReachTheLibrary() throws {
    let codec = try Szip()
    let bytes = ByteRegion([1, 2, 3, 4, 5, 6, 7, 8])
    for (bits, block, scanline) in [
      (0, 8, 64), (33, 8, 64), (8, 0, 64), (8, 7, 64), (8, 34, 64), (8, 8, 0), (8, 8, 4), (8, 8, 5000),
    ] as [(UInt32, UInt32, UInt32)] {
      let parameters = Szip.Parameters(
        options: 4, bitsPerPixel: bits, pixelsPerBlock: block, pixelsPerScanline: scanline)
      #expect(codec.decompressed(bytes, size: 64, parameters) == nil)
    }
  }
}
