import AviaryCheckpoints
import Foundation
import Testing

@testable import AviaryTraining

/// What data are, by the names of their files.
@Suite struct DataSourceTests {
  private let place: TaskFolder

  init() throws { place = try TaskFolder() }

  @Test func dataAreRecognisedByTheirNames() throws {
    let csv = try place.write("a,b\n", to: "t.csv")
    #expect(try DataSource.kind(of: csv) == .tables)
    #expect(try DataSource.kind(of: try place.write("x", to: "t.txt")) == .text)
    #expect(try DataSource.kind(of: try place.write("x", to: "t.npz")) == .graphs)
    #expect(try DataSource.kind(of: place.path) == .images)
    _ = try place.write("x", to: "ind.toy.graph")
    #expect(try DataSource.kind(of: place.path + "/ind.toy") == .graphs)
    _ = try place.write("0 1", to: "edges.txt")
    #expect(try DataSource.kind(of: place.path) == .graphs)
    #expect(throws: TrainingFault.noData(path: "/nowhere")) { try DataSource.kind(of: "/nowhere") }
  }

  /// Keras's own data sets come so.
  @Test func arraysOfOtherThingsAreNoGraphs() throws {
    let path = place.path + "/x.npz"
    var arrays = Checkpoint()
    for name in ["x_train", "y_train"] { arrays.set(StoredArray([1, 2] as [Float], shape: [2]), at: name) }
    try arrays.write(to: path)
    let fault = #expect(throws: TrainingFault.self) { try DataSource.kind(of: path) }
    #expect(fault == .arrays(path: path, names: ["x_train", "y_train"]))
    #expect(
      fault?.description.contains("x.npz: holds arrays (x_train, y_train) and no graph; write images as files") == true)
  }

  @Test(arguments: [
    ("t.xlsx", OtherDataFormat.spreadsheet), ("t.PARQUET", .columns), ("t.npy", .array), ("t.csv.gz", .packed),
    ("photos.zip", .packed),
  ])
  func formatsThatAreNotReadAreNamed(name: String, format: OtherDataFormat) throws {
    let path = try place.write("x", to: name)
    #expect(throws: TrainingFault.otherFormat(path: path, format)) { try DataSource.kind(of: path) }
    #expect(throws: Never.self) { try DataSource.kind(of: try place.write("x", to: "train-images-idx3-ubyte.gz")) }
  }
}
