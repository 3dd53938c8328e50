import AviaryHDF5
import AviaryTestSupport
import Foundation
import Testing

/// Parts of datasets: hyperslabs.
@Suite struct SelectionTests {
  /// A dataset, start, count and stride along each axis, and the shape and checksum of what h5py reads there.
  struct Selection: Decodable {
    let path: String
    let slices: [HDF5Slice]
    let content: String

    init(from decoder: any Decoder) throws {
      var row = try decoder.unkeyedContainer()
      path = try row.decode(String.self)
      slices = try row.decode([[Int]].self).map { HDF5Slice(start: $0[0], count: $0[1], stride: $0[2]) }
      content = try row.decode(String.self)
    }
  }

  @Test func partsReadAsInH5py() throws {
    let data = try #require(FileManager.default.contents(atPath: GoldenTests.folder + "selections.json"))
    let table = try JSONDecoder().decode([String: [Selection]].self, from: data)
    #expect(table.values.map(\.count).reduce(0, +) == 312)
    for (file, selections) in table {
      let reader = try HDF5Reader(path: GoldenTests.folder + file)
      for selection in selections {
        let dataset = try reader.dataset(selection.path)
        let values = try reader.values(of: dataset, at: selection.slices)
        let found = Listing.content(values, dataset.datatype, selection.slices.map { $0.count ?? 0 })
        #expect(found == selection.content, "\(file): \(selection.path) at \(selection.slices)")
      }
    }
  }

  /// The elements of a whole dataset that a selection takes, by their indices.
  static func indices(_ slices: [HDF5Slice], of shape: [Int]) -> [Int] {
    var indices = [0]
    for (slice, extent) in zip(slices, shape) {
      let taken = (0..<(slice.count ?? 0)).map { slice.start + $0 * slice.stride }
      indices = indices.flatMap { index in taken.map { index * extent + $0 } }
    }
    return indices
  }

  /// Every layout, chunk index, filter and type in the fixtures, at random.
  @Test(arguments: GoldenTests.fixtures) func aPartIsTheSliceOfTheWhole(file: String) throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + file)
    var generator = TestNumbers(seed: 11)
    for dataset in reader.contents.datasets where dataset.shape.allSatisfy({ $0 < 5000 }) {
      guard let whole = try? reader.values(of: dataset) else { continue }
      let bytes = try? reader.bytes(of: dataset).array()
      for _ in 0..<6 {
        let slices = dataset.shape.map { extent in
          let stride = Int.random(in: 1...max(1, Bool.random(using: &generator) ? 3 : extent), using: &generator)
          let start = Int.random(in: 0...extent, using: &generator)
          let most = start < extent ? (extent - 1 - start) / stride + 1 : 0
          return HDF5Slice(start: start, count: Int.random(in: 0...most, using: &generator), stride: stride)
        }
        let indices = Self.indices(slices, of: dataset.shape)
        let part = try reader.values(of: dataset, at: slices)
        // Not equal to itself: not a number.
        #expect(
          part.map(\.description) == indices.map { whole[$0].description }, "\(file): \(dataset.path) at \(slices)")
        if let bytes, let size = dataset.type.size {
          let found = try reader.bytes(of: dataset, at: slices).array()
          let expected = indices.flatMap { bytes[$0 * size..<($0 + 1) * size] }
          #expect(found == expected, "\(file): \(dataset.path) at \(slices)")
        }
      }
    }
  }

  @Test func rangesSelectAsInArrays() throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + "indices_latest.h5")
    let dataset = try reader.dataset("fixed")
    #expect(dataset.shape == [9, 11] && dataset.chunkShape == [2, 4])
    func numbers(_ slices: any HDF5SliceExpression...) throws -> [Int16] {
      try reader.bytes(of: dataset, at: slices.map(\.hdf5Slice)).mapValues(of: Int16.self) { $0 }
    }
    #expect(try numbers(2..<3) == (22..<33).map { Int16($0) })
    #expect(try numbers(7..., ..<2) == [77, 78, 88, 89])
    #expect(try numbers(...1, 9...10) == [9, 10, 20, 21])
    #expect(try numbers(HDF5Slice.all, 3..<4) == (0..<9).map { Int16($0 * 11 + 3) })
    #expect(try numbers(HDF5Slice(0..<9, by: 4), HDF5Slice(1...10, by: 5)) == [1, 6, 45, 50, 89, 94])
    #expect(try numbers(4..<4) == [])
    #expect(try numbers(9...) == [])
    #expect(try reader.bytes(of: dataset, at: 8..<9, 10...).mapValues(of: Int16.self) { $0 } == [98])
    let text = try reader.dataset("single")
    #expect(try reader.values(of: text, at: 3..<5) == [.integer(3), .integer(4)])
  }

  @Test(arguments: [
    ([HDF5Slice(0..<10)], "axis 0: the selection of 10 elements from 0 on does not fit in 9"),
    ([HDF5Slice(start: 10)], "axis 0: the selection starts at 10, the axis has 9 elements"),
    ([HDF5Slice(start: -1, count: 1)], "axis 0: the selection starts at -1, the axis has 9 elements"),
    ([.all, HDF5Slice(0...10, by: 0)], "axis 1: the stride is 0, and must be at least 1"),
    (
      [.all, HDF5Slice(start: 1, count: 5, stride: 3)],
      "axis 1: the selection of 5 elements from 1 on with stride 3 does not fit in 11"
    ),
    ([HDF5Slice(count: -1)], "axis 0: the selection of -1 elements from 0 on does not fit in 9"),
    ([.all, .all, .all], "the selection has 3 axes, the dataset 2"),
    ([HDF5Slice(0...Int.max)], "axis 0: the selection of \(Int.max) elements from 0 on does not fit in 9"),
    ([HDF5Slice(Int.min..<Int.max)], "axis 0: the selection starts at \(Int.min), the axis has 9 elements"),
    ([HDF5Slice(...Int.max)], "axis 0: the selection of \(Int.max) elements from 0 on does not fit in 9"),
    (
      [HDF5Slice(start: 1, count: .max, stride: .max)],
      "axis 0: the selection of \(Int.max) elements from 1 on with stride \(Int.max) does not fit in 9"
    ),
  ])
  func whatDoesNotFitIsAFault(slices: [HDF5Slice], reason: String) throws {
    let path = GoldenTests.folder + "indices_latest.h5"
    let reader = try HDF5Reader(path: path)
    let dataset = try reader.dataset("fixed")
    let fault = HDF5Fault.outOfBounds(path: path, object: "fixed", reason: reason)
    #expect(throws: fault) { try reader.bytes(of: dataset, at: slices) }
    #expect(throws: fault) { try reader.values(of: dataset, at: slices) }
  }

  @Test func aScalarHasNoAxes() throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + "types_latest.h5")
    let scalar = try reader.dataset("scalar")
    #expect(try reader.bytes(of: scalar, at: []).mapValues(of: Float.self) { $0 } == [3.25])
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: scalar, at: 0..<1) }
    #expect(try reader.bytes(of: reader.dataset("null")).count == 0)
  }

  @Test func onlyTheNeededChunksAreUnpacked() throws {
    // A chunk is damaged: parts beside it are read all the same.
    var bytes = try #require(FileManager.default.contents(atPath: GoldenTests.folder + "filters_latest.h5"))
    let whole = try HDF5Reader(path: GoldenTests.folder + "filters_latest.h5")
    let plain = try whole.bytes(of: whole.dataset("checked"))
    // The first number of the chunk at (5, 4), as it is stored before its checksum.
    let number = try #require(plain.part(from: (5 * 7 + 4) * 4, count: 12)).array()
    let place = try #require(bytes.firstRange(of: Data(number)))
    bytes[place.lowerBound] ^= 1
    let reader = try HDF5Reader(bytes: ByteRegion(Array(bytes)), path: "file")
    let dataset = try reader.dataset("checked")
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: dataset) }
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: dataset, at: 5..<6, 4..<5) }
    #expect(try reader.bytes(of: dataset, at: 0..<5).array()[...] == plain.array().prefix(5 * 28))
    #expect(try reader.bytes(of: dataset, at: HDF5Slice(start: 2, count: 2, stride: 9), 5...).count == 16)
  }

  @Test func partsOfHugeDatasetsAreRead() throws {
    // 8 GiB that were never written, of which the whole is refused.
    let reader = try HDF5Reader(path: GoldenTests.folder + "unwritten.h5")
    let large = try reader.dataset("large")
    #expect(throws: HDF5Fault.self) { try reader.bytes(of: large) }
    #expect(try reader.bytes(of: large, at: (1 << 30)..<(1 << 30) + 5).array() == [UInt8](repeating: 0, count: 20))
    #expect(try reader.bytes(of: large, at: HDF5Slice(start: 3, stride: 1 << 29)).count == 16)
  }

  @Test func partsOfAMappedFileAreNotCopied() throws {
    let reader = try HDF5Reader(path: GoldenTests.folder + "types_latest.h5")
    let cube = try reader.dataset("cube")
    let offset = try #require(cube.offset)
    #expect(try reader.bytes(of: cube, at: 1..<2).start == offset + 24)
    #expect(try reader.bytes(of: cube, at: 1..<2, 1...).start == offset + 32)
    #expect(try reader.bytes(of: cube, at: 0..<1, 1..<2, 2..<4).start == offset + 12)
  }

  @Test func partsMayBeReadWithoutEnd() throws {
    // The budget of unpacked bytes counts a dataset once, also when it is looked up anew.
    let reader = try HDF5Reader(path: GoldenTests.folder + "unwritten.h5")
    for index in 0..<200 {
      let dataset = try reader.dataset("d\(index % 3)")
      #expect(try reader.bytes(of: dataset, at: ..<200_000).count == 800_000)
    }
  }
}
