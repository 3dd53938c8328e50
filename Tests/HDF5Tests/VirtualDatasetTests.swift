import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

/// Datasets made of parts of others, in the same file and in files beside it: `tools/goldens_hdf5.py --virtual`.
@Suite struct VirtualDatasetTests {
  private static let folder = GoldenTests.folder + "follow/"

  @Test func partsAndLinksReadAsInH5py() throws {
    let data = try #require(FileManager.default.contents(atPath: Self.folder + "expected.json"))
    let table = try JSONDecoder().decode([String: [SelectionTests.Selection]].self, from: data)
    #expect(table.values.map(\.count) == [25, 25])
    for (file, selections) in table {
      let reader = try HDF5Reader(path: Self.folder + file, follow: true)
      let datasets = reader.contents.datasets + reader.contents.linkedDatasets
      #expect(reader.contents.refusals.isEmpty, "\(file)")
      for selection in selections {
        let dataset = try #require(datasets.first { $0.path == selection.path }, "\(file): \(selection.path)")
        let values = try reader.values(of: dataset, at: selection.slices)
        let shape = selection.slices.isEmpty ? dataset.shape : selection.slices.map { $0.count ?? 0 }
        let found = Listing.content(values, dataset.datatype, shape)
        #expect(found == selection.content, "\(file): \(selection.path) at \(selection.slices)")
        try reader.requireReadable(dataset)
        try reader.check(dataset)
      }
    }
  }

  @Test(arguments: ["earliest.h5", "latest.h5"]) func aPartIsTheSliceOfTheWhole(file: String) throws {
    let reader = try HDF5Reader(path: Self.folder + file, follow: true)
    var generator = TestNumbers(seed: 4)
    for dataset in reader.contents.datasets where !dataset.shape.isEmpty {
      guard let size = dataset.type.size else { continue }
      let whole = try reader.bytes(of: dataset).array()
      for _ in 0..<20 {
        let slices = dataset.shape.map { extent in
          let stride = Int.random(in: 1...4, using: &generator)
          let start = Int.random(in: 0..<extent, using: &generator)
          return HDF5Slice(
            start: start, count: Int.random(in: 0...(extent - 1 - start) / stride + 1, using: &generator),
            stride: stride)
        }
        let expected = SelectionTests.indices(slices, of: dataset.shape).flatMap { whole[$0 * size..<($0 + 1) * size] }
        #expect(try reader.bytes(of: dataset, at: slices).array() == expected, "\(dataset.path) at \(slices)")
      }
    }
  }

  @Test(arguments: ["refused_earliest.h5", "refused_latest.h5"]) func whatIsNotReadIsNamed(file: String) throws {
    let reader = try HDF5Reader(path: Self.folder + file, follow: true)
    let refused = [
      "growing": "a virtual dataset that grows with its sources is not supported",
      "overlap": "a virtual dataset whose parts overlap is not supported",
      "text": "a virtual dataset of text is not supported",
    ]
    for refusal in reader.contents.refusals { #expect(refusal.reason == refused[refusal.path], "\(refusal.path)") }
    #expect(Set(reader.contents.refusals.map(\.path)) == Set(refused.keys))
    let reasons = [
      "above": "names a file that is not in the folder of the file",
      "no file": "names a file that is not in the folder of the file", "no dataset": "it does not exist",
      "a group": "it is not a dataset", "another type": "its elements are float32, not int32",
      "another size": "it has 20 elements for a part of 12",
      "a circle": "more than 4 virtual datasets within one another",
    ]
    #expect(Set(reader.contents.datasets.map(\.path)) == Set(reasons.keys))
    for dataset in reader.contents.datasets {
      let reason = try #require(reasons[dataset.path], "\(dataset.path)")
      for read in [{ _ = try reader.bytes(of: dataset) }, { try reader.requireReadable(dataset) }]
        as [() throws -> Void]
      {
        let fault = try #require(throws: HDF5Fault.self, "\(dataset.path)") { try read() }
        #expect("\(fault)".contains(reason), "\(fault)")
      }
    }
  }

  @Test func withoutARequestNothingElsewhereIsRead() throws {
    let contents = try HDF5Reader(path: Self.folder + "latest.h5").contents
    #expect(contents.datasets.map(\.path) == ["nothing", "own"])
    #expect(contents.refusals.count == 12 && contents.refusals.allSatisfy(\.isFollowedOnRequest))
    #expect(contents.refusal(of: "frames")?.reason == "it is a virtual dataset, made of parts of other files")
  }

  @Test func aDamagedMappingIsFound() throws {
    var bytes = Array(try #require(FileManager.default.contents(atPath: Self.folder + "latest.h5")))
    let name = Array("frames/frame number 2".utf8)
    let place = try #require(bytes.indices.first { bytes[$0...].starts(with: name) })
    bytes[place] = UInt8(ascii: "F")
    let scratch = FileManager.default.temporaryDirectory.appending(path: "aviary-\(UUID().uuidString).h5").path
    defer { try? FileManager.default.removeItem(atPath: scratch) }
    try Data(bytes).write(to: URL(filePath: scratch))
    let reader = try HDF5Reader(path: scratch, follow: true)
    #expect(reader.contents.refusals.contains { $0.reason.contains("the checksum of the parts of a virtual dataset") })
  }
}
