import AviaryArchives
import AviaryHDF5
import AviaryHDF5Writing
import AviaryTestSupport
import Foundation
import Testing

/// Files that are damaged, or lie.
@Suite struct HostileTests {
  private static func bytes(_ name: String) throws -> [UInt8] {
    try MappedFile(path: GoldenTests.folder + name).bytes.array()
  }

  /// Reads everything there is to read; what is refused, or where opening fails, is one line.
  @discardableResult private static func exhaust(_ bytes: [UInt8], _ what: Comment) -> HDF5Reader? {
    do throws(HDF5Fault) {
      let reader = try HDF5Reader(bytes: ByteRegion(bytes), path: "file")
      for dataset in reader.contents.datasets {
        _ = try? reader.values(of: dataset)
        _ = try? reader.bytes(of: dataset)
      }
      for refusal in reader.contents.refusals {
        #expect(!refusal.reason.contains("\n") && !refusal.reason.isEmpty, what)
      }
      return reader
    } catch {
      #expect(!error.description.contains("\n"), what)
      return nil
    }
  }

  @Test(arguments: ["userblock_latest.h5", "sizes.h5"]) func everyPrefixIsAFault(file: String) throws {
    let whole = try Self.bytes(file)
    let region = ByteRegion(whole)
    for length in 0..<whole.count {
      let cut = try #require(region.part(from: 0, count: length))
      // The signature alone does not make a file; behind it, what is missing is told.
      #expect(throws: HDF5Fault.self, "\(file) cut to \(length)") { try HDF5Reader(bytes: cut, path: "file") }
    }
  }

  private static let files = [
    "types_earliest.h5", "types_latest.h5", "filters_earliest.h5", "filters_latest.h5", "indices_earliest.h5",
    "dense.h5", "userblock.h5", "userblock_latest.h5", "sizes.h5", "superblock_1.h5", "shared_messages.h5", "odd.h5",
  ]

  @Test(arguments: files) func mutationsNeverTrap(file: String) throws {
    let whole = try Self.bytes(file)
    var generator = TestNumbers(seed: 3)
    for round in 0..<50 {
      var damaged = whole
      for _ in 0...round % 6 {
        let at = Int.random(in: 0..<damaged.count, using: &generator)
        switch Int.random(in: 0..<4, using: &generator) {
        case 0: damaged[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
        case 1: damaged[at] = .random(in: 0...255, using: &generator)
        case 2: for index in at..<min(at + 8, damaged.count) { damaged[index] = 0xff }
        default: damaged[at] = damaged[at] &+ 1
        }
      }
      Self.exhaust(damaged, "\(file), round \(round)")
    }
  }

  @Test(.enabled(if: SharedData.url("hdf5-conformance") != nil, Comment(rawValue: SharedData.absence)))
  func corruptFilesAreRefusedWhereH5pyRejectsThem() throws {
    /// Objects that h5py rejects, or how it ended.
    enum Verdict: Decodable {
      case rejected([String])
      case ended(String)

      init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let list = try? container.decode([String].self) {
          self = .rejected(list)
        } else {
          self = .ended(try container.decode(String.self))
        }
      }
    }
    let data = try #require(FileManager.default.contents(atPath: GoldenTests.folder + "corrupt.json"))
    let table = try JSONDecoder().decode([String: Verdict].self, from: data)
    #expect(table.count == 82)
    // A datatype with few significant bits is odd, and no damage: the specification sets no bound.
    let allowed = ["corrupt-cve/cve-2024-29162.h5": ["nbit"]]
    for (file, verdict) in table.sorted(by: { $0.key < $1.key }) {
      let url = try #require(SharedData.url("hdf5-conformance/" + file))
      let start = ContinuousClock.now
      let reader = Self.exhaust(try MappedFile(path: url.path).bytes.array(), "\(file)")
      #expect(ContinuousClock.now - start < .seconds(2), "\(file)")
      guard let reader, case .rejected(let objects) = verdict else { continue }
      var named = Set(reader.contents.refusals.map(\.path))
      for dataset in reader.contents.datasets where (try? reader.values(of: dataset)) == nil {
        named.insert(dataset.path)
      }
      for object in objects where allowed[file]?.contains(object) != true {
        if object == "the file" || object == "/" {
          #expect(!named.isEmpty, "\(file) is read as if it were whole")
        } else {
          // Itself, or what it lies in, or a part of it.
          let isNamed = named.contains {
            object == $0 || object.hasPrefix($0 + "/") || $0.hasPrefix(object + "/") || $0.isEmpty
          }
          #expect(isNamed, "\(file): \(object)")
        }
      }
    }
  }

  @Test func groupsMayNotNestWithoutEnd() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-hdf5-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let deep = Array(repeating: "a", count: 150).joined(separator: "/")
    let dataset = HDF5Item.Content.dataset(type: .boolean, shape: [1], bytes: ByteRegion([1]))
    try HDF5Writer.write([.init(path: deep), .init(path: "b", content: dataset)], to: folder + "/x.h5")
    let contents = try HDF5Reader(path: folder + "/x.h5").contents
    #expect(contents.groups.count == 101)
    #expect(contents.datasets.map(\.path) == ["b"])
    #expect(contents.refusals.map(\.kind) == [.limit])
  }

  /// Replaces the only place where `old` stands.
  private static func replace(_ old: [UInt8], by new: [UInt8], in bytes: inout [UInt8]) throws {
    let places = bytes.indices.filter { bytes[$0...].starts(with: old) }
    let place = try #require(places.count == 1 ? places[0] : nil)
    bytes.replaceSubrange(place..<place + new.count, with: new)
  }

  private static func little(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
  }

  @Test func aTreeThatReachesItselfIsRefused() throws {
    // The root group's B-tree becomes one of two levels whose child is itself.
    var bytes = try Self.bytes("superblock_1.h5")
    let tree = try #require(bytes.indices.first { bytes[$0...].starts(with: Array("TREE".utf8) + [0, 0]) })
    bytes[tree + 5] = 1
    let child = tree + 24 + 8
    bytes.replaceSubrange(child..<child + 8, with: Self.little(UInt64(tree)))
    let reader = try #require(Self.exhaust(bytes, "cycle"))
    #expect(reader.contents.refusals.contains { $0.kind == .damage })
  }

  @Test func declaredSizesAllocateNothing() throws {
    // The dataspace of `cube`, 2 × 3 × 4, becomes 2⁵⁶ × 3 × 4, and then 2 × 3 × 2²⁰, more than the file has.
    let whole = try Self.bytes("types_earliest.h5")
    let old = Self.little(2) + Self.little(3) + Self.little(4) + Self.little(2) + Self.little(3) + Self.little(4)
    for (first, last) in [(1 << 56, 4), (2, 1 << 20)] as [(UInt64, UInt64)] {
      var bytes = whole
      let new = Self.little(first) + Self.little(3) + Self.little(last)
      try Self.replace(old, by: new + new, in: &bytes)
      let reader = try #require(Self.exhaust(bytes, "declared"))
      let refusal = try #require(reader.contents.refusals.first { $0.path == "cube" })
      #expect(refusal.kind == .damage || refusal.kind == .limit)
      // Everything else is as it was.
      let sound = try #require(Self.exhaust(whole, "sound"))
      #expect(reader.contents.datasets.count == sound.contents.datasets.count - 2)
      #expect(reader.contents.groups.count == sound.contents.groups.count)
    }
  }

  @Test func checksumsOfStructuresAreVerified() throws {
    // Whatever bit of a new file changes: it is noticed, or it means nothing, or it is a value that has no checksum,
    // such as those of `x` and the texts in the global heap.
    let whole = try Self.bytes("userblock_latest.h5")
    let expected = Set(Listing.lines(try HDF5Reader(bytes: ByteRegion(whole), path: "file")))
    for at in stride(from: 1024, to: whole.count, by: 5) {
      var damaged = whole
      damaged[at] ^= 0x10
      guard let reader = Self.exhaust(damaged, "byte \(at)"), reader.contents.refusals.isEmpty else { continue }
      let lines = Listing.lines(reader).filter { !expected.contains($0) && !$0.contains("damaged") }
      #expect(
        lines.allSatisfy { $0.hasPrefix("dataset g/x: float32 [5] ") || $0.hasPrefix("attribute g@a: text [2] ") },
        "byte \(at): \(lines)")
    }
  }

  @Test func damageAndLinksAndFeaturesAreToldApart() throws {
    let odd = try HDF5Reader(path: GoldenTests.folder + "odd.h5").contents
    #expect(odd.refusals.map(\.path) == ["external", "virtual"])
    #expect(odd.refusals.map(\.kind) == [.elsewhere, .elsewhere])
    let types = try HDF5Reader(path: GoldenTests.folder + "types_latest.h5").contents
    #expect(types.refusals.allSatisfy { $0.kind == .elsewhere })
    // A filter that nobody knows: DEFLATE's number in a pipeline message becomes 310.
    var bytes = try Self.bytes("filters_earliest.h5")
    let pipeline: [UInt8] = [1, 0, 8, 0, 1, 0, 1, 0] + Array("deflate".utf8)
    let places = bytes.indices.filter { bytes[$0...].starts(with: pipeline) }
    for place in places { bytes.replaceSubrange(place..<place + 2, with: [0x36, 0x01]) }
    #expect(!places.isEmpty)
    let reader = try HDF5Reader(bytes: ByteRegion(bytes), path: "file")
    let dataset = try #require(reader.contents.datasets.first { $0.path == "holes" })
    let feature = "compression by filter 310 (deflate)"
    #expect(throws: HDF5Fault.unsupported(path: "file", object: "holes", feature: feature)) {
      try reader.bytes(of: dataset)
    }
  }
}
