import AviaryArchives
import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

/// What h5py reads in a file, against what `HDF5Reader` reads in it.
@Suite struct GoldenTests {
  /// A file's listing, or its length and checksum.
  enum Expected: Decodable {
    case lines([String])
    case summary(Summary)

    struct Summary: Decodable {
      let lines: Int
      let crc32: UInt32
    }

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let lines = try? container.decode([String].self) {
        self = .lines(lines)
      } else {
        self = .summary(try container.decode(Summary.self))
      }
    }
  }

  static let folder = Bundle.module.bundlePath + "/Goldens/"

  static func table(_ name: String) throws -> [String: Expected] {
    let data = try #require(FileManager.default.contents(atPath: folder + name))
    return try JSONDecoder().decode([String: Expected].self, from: data)
  }

  static func compare(
    _ found: [String], _ expected: Expected, _ file: String, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    switch expected {
    case .lines(let lines):
      #expect(Set(found).subtracting(lines).isEmpty, "\(file) has more", sourceLocation: sourceLocation)
      #expect(Set(lines).subtracting(found).isEmpty, "\(file) lacks", sourceLocation: sourceLocation)
      #expect(found.count == lines.count, "\(file)", sourceLocation: sourceLocation)
    case .summary(let summary):
      #expect(found.count == summary.lines, "\(file)", sourceLocation: sourceLocation)
      #expect(
        Listing.crc32(found.joined(separator: "\n")) == summary.crc32, "\(file)", sourceLocation: sourceLocation)
    }
  }

  static let fixtures = [
    "types_earliest.h5", "types_latest.h5", "filters_earliest.h5", "filters_latest.h5", "indices_earliest.h5",
    "indices_latest.h5", "dense.h5", "userblock.h5", "userblock_latest.h5", "sizes.h5", "superblock_1.h5",
    "shared_messages.h5", "odd.h5", "links.h5",
  ]

  @Test func everyFixtureReadsAsInH5py() throws {
    let table = try Self.table("expected.json")
    #expect(table.count == 14)
    for (file, expected) in table.sorted(by: { $0.key < $1.key }) {
      let reader = try HDF5Reader(path: Self.folder + file)
      Self.compare(Listing.lines(reader), expected, file)
    }
  }

  /// `bytes(of:)` has its own conversions.
  @Test(arguments: ["types_earliest.h5", "types_latest.h5", "filters_latest.h5"])
  func bytesAndValuesAgree(file: String) throws {
    let reader = try HDF5Reader(path: Self.folder + file)
    var compared = 0
    for dataset in reader.contents.datasets where dataset.byteCount != nil {
      let bytes = try reader.bytes(of: dataset)
      #expect(bytes.count == dataset.byteCount, "\(dataset.path)")
      let numbers: [HDF5Element]
      switch dataset.type {
      case .integer(1, true), .boolean: numbers = bytes.mapValues(of: Int8.self) { .integer(Int64($0)) }
      case .integer(2, true): numbers = bytes.mapValues(of: Int16.self) { .integer(Int64($0)) }
      case .integer(4, true): numbers = bytes.mapValues(of: Int32.self) { .integer(Int64($0)) }
      case .integer(8, true): numbers = bytes.mapValues(of: Int64.self) { .integer($0) }
      case .integer(1, false): numbers = bytes.mapValues(of: UInt8.self) { .integer(Int64($0)) }
      case .integer(2, false): numbers = bytes.mapValues(of: UInt16.self) { .integer(Int64($0)) }
      case .integer(4, false): numbers = bytes.mapValues(of: UInt32.self) { .integer(Int64($0)) }
      case .integer(8, false):
        numbers = bytes.mapValues(of: UInt64.self) { value in
          Int64(exactly: value).map { .integer($0) } ?? .unsigned(value)
        }
      case .float(2): numbers = bytes.mapValues(of: Float16.self) { .real(Double($0)) }
      case .float(4): numbers = bytes.mapValues(of: Float.self) { .real(Double($0)) }
      case .float(8): numbers = bytes.mapValues(of: Double.self) { .real($0) }
      case .bfloat16: numbers = bytes.mapValues(of: UInt16.self) { .real(Double(Float(bitPattern: UInt32($0) << 16))) }
      default: continue
      }
      // Not equal to itself: not a number.
      let values = try reader.values(of: dataset)
      #expect(numbers.map(\.description) == values.map(\.description), "\(dataset.path)")
      compared += 1
    }
    #expect(compared > 30)
  }

  @Test func neverWrittenDatasetsTakeNoEndlessMemory() throws {
    // Forty datasets of a mebibyte each in a file of a few kilobytes: zeros that take no memory. Values do.
    let reader = try HDF5Reader(path: Self.folder + "unwritten.h5")
    #expect(reader.contents.datasets.count == 41)
    var read = 0
    for dataset in reader.contents.datasets {
      do throws(HDF5Fault) {
        read += try reader.bytes(of: dataset).count
      } catch {
        guard case .tooLarge = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
    #expect(read == 40 << 20)
    let large = try #require(reader.contents.datasets.first { $0.path == "large" })
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: large) }
  }

  @Test(
    .enabled(if: SharedData.url("hdf5-conformance") != nil, Comment(rawValue: SharedData.absence)),
    .enabled(if: Szip.library.isInstalled, "libsz is not installed"))
  func validFilesOfOthersReadAsInH5py() throws {
    let table = try Self.table("conformance.json")
    #expect(table.count == 48)
    for (file, expected) in table.sorted(by: { $0.key < $1.key }) {
      let url = try #require(SharedData.url("hdf5-conformance/" + file))
      let reader = try HDF5Reader(path: url.path)
      Self.compare(Listing.lines(reader), expected, file)
    }
  }
}
