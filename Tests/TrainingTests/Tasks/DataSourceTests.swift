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
}
