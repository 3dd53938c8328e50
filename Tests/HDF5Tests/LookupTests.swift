import AviaryHDF5
import AviaryHDF5Writing
import Foundation
import Testing

/// Objects by path.
@Suite struct LookupTests {
  /// Groups of every form: old and new, few links and many.
  @Test(arguments: GoldenTests.fixtures) func everyObjectIsFoundByItsPath(file: String) throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + file)
    let contents = reader.contents
    // Another reader, which has not walked the file.
    let fresh = try HDF5Reader(path: GoldenTests.folder + file)
    for group in contents.groups {
      #expect(try fresh.group(group.path).attributes == group.attributes)
      let names = try fresh.names(in: group.path)
      let prefix = group.path.isEmpty ? "" : group.path + "/"
      let paths = contents.groups.map(\.path) + contents.datasets.map(\.path) + contents.namedDatatypes.map(\.path)
      let below = (paths + contents.refusals.map(\.path)).filter {
        !$0.isEmpty && $0.hasPrefix(prefix) && !$0.dropFirst(prefix.count).contains("/") && $0 != group.path
      }
      #expect(Set(names) == Set(below.map { String($0.dropFirst(prefix.count)) }), "\(file): \(group.path)")
    }
    for dataset in contents.datasets {
      let found = try fresh.dataset("/" + dataset.path)
      #expect(found.path == dataset.path && found.shape == dataset.shape && found.datatype == dataset.datatype)
      #expect(found.attributes == dataset.attributes && found.offset == dataset.offset)
      #expect(try fresh.attributes(of: dataset.path) == dataset.attributes)
    }
    for type in contents.namedDatatypes {
      guard case .namedDatatype(let found) = try fresh[type.path] else {
        Issue.record("\(file): \(type.path)")
        continue
      }
      #expect(found.datatype == type.datatype && found.attributes == type.attributes)
    }
  }

  @Test func thousandsOfNamesAreFound() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-lookup-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let items = (0..<3000).map { index in
      HDF5Item(
        path: "a/\(index)",
        content: .dataset(
          type: .integer(bytes: 8, signed: true), shape: [1], bytes: ByteRegion(littleEndian: [Int64(index)])))
    }
    try HDF5Writer.write(items, to: folder + "/x.h5")
    let reader = try HDF5Reader(path: folder + "/x.h5")
    #expect(try reader.names(in: "a").count == 3000)
    for index in stride(from: 0, to: 3000, by: 7) {
      let dataset = try reader.dataset("a/\(index)")
      #expect(try reader.bytes(of: dataset).mapValues(of: Int64.self) { $0 } == [Int64(index)])
    }
    for absent in ["a/3000", "a/", "a/1/2", "a/ 5", "a/-", "a/~", "b"] where absent != "a/" {
      #expect(throws: HDF5Fault.noObject(path: folder + "/x.h5", object: absent)) { try reader[absent] }
    }
  }

  @Test func pathsAreTakenAsH5pyTakesThem() throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + "types_latest.h5")
    for path in ["texts/fixed", "/texts/fixed", "texts//fixed/", "./texts/./fixed"] {
      #expect(try reader.dataset(path).path == "texts/fixed")
    }
    for root in ["", "/"] { #expect(try reader.group(root).path == "") }
    #expect(try reader.attributes(of: "attributes")["integer"] == .integer(-5))
    // Soft links, and hard links to the root group.
    #expect(try reader.dataset("a soft link").shape == [2, 3, 4])
    #expect(try reader.dataset("numbers/up/numbers/up/cube").shape == [2, 3, 4])
    let path = GoldenTests.folder + "types_latest.h5"
    let how = "is an external link to '/x' in the file 'other.h5'"
    #expect(throws: HDF5Fault.leavesFile(path: path, object: "an external link", how: how)) {
      try reader["an external link"]
    }
    #expect(throws: HDF5Fault.noObject(path: path, object: "cube/x")) { try reader["cube/x"] }
    #expect(throws: HDF5Fault.wrongKind(path: path, object: "texts", expected: "dataset", found: "group")) {
      try reader.dataset("texts")
    }
    #expect(throws: HDF5Fault.wrongKind(path: path, object: "cube", expected: "group", found: "dataset")) {
      try reader.names(in: "cube")
    }
    #expect(throws: HDF5Fault.wrongKind(path: path, object: "", expected: "dataset", found: "group")) {
      try reader.dataset("/")
    }
  }

  @Test func namesAreComparedByteByByte() throws {
    let folder = FileManager.default.temporaryDirectory.path + "/aviary-lookup-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    // The same letter, composed and decomposed.
    try HDF5Writer.write([HDF5Item(path: "gr\u{fc}n")], to: folder + "/x.h5")
    let reader = try HDF5Reader(path: folder + "/x.h5")
    #expect(try reader.group("gr\u{fc}n").path == "gr\u{fc}n")
    #expect(throws: HDF5Fault.self) { try reader.group("gru\u{308}n") }
  }

  @Test func softLinksAreFollowedWithinTheFile() throws {
    let path = GoldenTests.folder + "links.h5"
    let reader = try HDF5Reader(path: path)
    for name in ["to group/b/x", "a/relative", "a/b/upwards", "to group/b/upwards", "chain4"] {
      #expect(try reader.dataset(name).path == name)
      #expect(try reader.bytes(of: reader.dataset(name)).mapValues(of: Int32.self) { $0 } == [0, 1, 2])
    }
    #expect(try reader.names(in: "to group") == ["b", "relative"])
    #expect(throws: HDF5Fault.noObject(path: path, object: "nothing")) { try reader["nothing"] }
    // As many as libhdf5 follows.
    for name in ["circle", "chain3"] {
      #expect(throws: HDF5Fault.tooMany(path: path, what: "soft links on one path", limit: 16)) { try reader[name] }
    }
  }

  @Test func damagedAttributesAreNotPassedOver() throws {
    let whole = try #require(FileManager.default.contents(atPath: GoldenTests.folder + "userblock.h5"))
    // The version of an attribute message, which stands before the size of its name "a".
    let message = Data([1, 0, 2, 0])
    let place = try #require(whole.range(of: message))
    var bytes = whole
    bytes[place.lowerBound] = 9
    let reader = try HDF5Reader(bytes: ByteRegion(Array(bytes)), path: "file")
    #expect(try reader.group("g").attributes.isEmpty)
    #expect(throws: HDF5Fault.self) { try reader.attributes(of: "g") }
    #expect(reader.contents.refusals.map(\.path) == ["g"])
  }
}
