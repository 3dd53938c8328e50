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

  @Test func everyFixtureReadsAsInH5py() throws {
    let table = try Self.table("expected.json")
    #expect(table.count == 10)
    for (file, expected) in table.sorted(by: { $0.key < $1.key }) {
      let reader = try HDF5Reader(path: Self.folder + file)
      Self.compare(Listing.lines(reader), expected, file)
    }
  }

  @Test(.enabled(if: SharedData.url("hdf5-conformance") != nil, Comment(rawValue: SharedData.absence)))
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
