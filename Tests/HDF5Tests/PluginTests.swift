import AviaryArchives
import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

/// Compression that comes from plug-ins, or needs a library that is opened at run time.
@Suite struct PluginTests {
  private static func compare(_ file: String) throws {
    let expected = try #require(try GoldenTests.table("plugins.json")[file])
    let reader = try HDF5Reader(path: GoldenTests.folder + file)
    #expect(reader.contents.datasets.count >= 9)
    GoldenTests.compare(Listing.lines(reader), expected, file)
  }

  @Test(.enabled(if: Zstandard.library.isInstalled, "libzstd is not installed"))
  func zstandardReadsAsInH5py() throws { try Self.compare("zstandard.h5") }

  @Test(.enabled(if: Szip.library.isInstalled, "libsz is not installed"))
  func szipReadsAsInH5py() throws { try Self.compare("szip.h5") }

  @Test func lz4ReadsAsInH5py() throws { try Self.compare("lz4.h5") }

  /// Behind scale-offset a chunk has another size than the one that LZF's parameters say.
  @Test func whatWasMadeSmallerFirstReadsAsInH5py() throws { try Self.compare("scaled.h5") }

  @Test(
    .enabled(if: Zstandard.library.isInstalled, "libzstd is not installed"), arguments: ["blosc.h5", "bitshuffle.h5"])
  func transposedBytesReadAsInH5py(file: String) throws { try Self.compare(file) }

  @Test(.enabled(if: Blosc2.library.isInstalled, "libblosc2 is not installed"))
  func blosc2ReadsAsInH5py() throws { try Self.compare("blosc2.h5") }

  @Test func anAbsentLibraryIsNamedAndTheRestIsRead() throws {
    let absent = OptionalLibrary("libzstd", files: ["libaviary-absent.so.1"], package: "libzstd1")
    let sz = OptionalLibrary("libsz", files: [], package: "libsz2")
    let blosc2 = OptionalLibrary("libblosc2", files: [], package: "libblosc2-dev")
    for (file, dataset, library, feature) in [
      ("zstandard.h5", "integers", absent, "compression by Zstandard"),
      ("szip.h5", "integers", sz, "compression by szip"),
      ("blosc2.h5", "i4 lz4 1", blosc2, "compression by Blosc2"),
    ] {
      let bytes = try MappedFile(path: GoldenTests.folder + file).bytes
      let reader = try HDF5Reader(
        bytes: bytes, path: file, libraries: .init(zstandard: absent, szip: sz, blosc2: blosc2))
      let fault = HDF5Fault.missingLibrary(
        path: file, object: dataset, feature: feature,
        library: .notInstalled(library: library.name, package: library.package))
      #expect(throws: fault) { try reader.bytes(of: reader.dataset(dataset)) }
      #expect(fault.description.hasSuffix("is not installed; install the package \(library.package)"))
      #expect(try reader.bytes(of: reader.dataset("plain")).count == 24 * 13 * 4)
      #expect(try reader.values(of: reader.dataset("plain")).count == 24 * 13)
    }
    // Within another filter's format it is missed where that needs it alone.
    for (file, with, without) in [
      ("blosc.h5", "i4 zstd 1", "i4 blosclz 1"), ("bitshuffle.h5", "i4 zstd", "i4 lz4"),
    ] {
      let bytes = try MappedFile(path: GoldenTests.folder + file).bytes
      let reader = try HDF5Reader(bytes: bytes, path: file, libraries: .init(zstandard: absent, szip: sz))
      #expect { try reader.bytes(of: reader.dataset(with)) } throws: {
        guard case .missingLibrary(_, _, let feature, _)? = $0 as? HDF5Fault else { return false }
        return feature.hasSuffix("with Zstandard")
      }
      #expect(throws: Never.self) { try reader.bytes(of: reader.dataset(without)) }
    }
  }

  /// The libraries, like the decoders in Swift, are given what strangers write.
  @Test(arguments: ["zstandard.h5", "szip.h5", "lz4.h5", "blosc.h5", "blosc2.h5", "bitshuffle.h5"])
  func damageIsAFaultOrAnotherValue(file: String) throws {
    let whole = try MappedFile(path: GoldenTests.folder + file).bytes.array()
    var generator = TestNumbers(seed: 5)
    var faults = 0
    for round in 0..<60 {
      var damaged = whole
      for _ in 0...round % 20 {
        let at = Int.random(in: 0..<damaged.count, using: &generator)
        damaged[at] = .random(in: 0...255, using: &generator)
      }
      guard let reader = try? HDF5Reader(bytes: ByteRegion(damaged), path: file) else { continue }
      for dataset in reader.contents.datasets where (try? reader.bytes(of: dataset)) == nil { faults += 1 }
    }
    #expect(faults > 20)
  }

  /// A chunk may not unpack to more than the dataset's chunks have, whatever its own head declares.
  @Test func lz4DeclaresNoMoreThanTheChunkHas() throws {
    let whole = try MappedFile(path: GoldenTests.folder + "lz4.h5").bytes.array()
    // Chunks of 10 x 6 int32 begin with their size, big-endian.
    let head: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 240]
    var places = whole.indices.filter { whole[$0...].starts(with: head) }
    #expect(places.count > 10)
    var damaged = whole
    while let place = places.popLast() { damaged[place] = 0x7f }
    let reader = try HDF5Reader(bytes: ByteRegion(damaged), path: "file")
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: reader.dataset("integers")) }
  }
}
