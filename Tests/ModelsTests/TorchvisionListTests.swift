import AviaryArchives
import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTestSupport
import Foundation
import Testing

/// What `tools/torchvision_counts.py` has written of every classification network of torchvision.
enum TorchvisionList {
  struct Network: Decodable {
    /// The number of learned numbers.
    let parameters: Int
    /// The number of entries of the state dictionary.
    let entries: Int
    /// The CRC-32 of the sorted lines `name extents`, `conv1.weight 64x3x7x7` for instance.
    let names: String
    /// The same in the order of the state dictionary.
    let order: String
  }

  static func networks() throws -> [String: Network] {
    let file = Goldens.url("torchvision-counts.json", of: "ModelsTests")
    return try JSONDecoder().decode([String: Network].self, from: Data(contentsOf: file))
  }

  /// The names, for the arguments of a test; the test itself fails where the file cannot be read.
  static let names: [String] = ((try? networks()) ?? [:]).keys.sorted()
}

/// The zoo against torchvision's whole list of classification networks.
@Suite struct TorchvisionListTests {
  @Test func everyNetworkIsInTheRegistry() throws {
    let networks = try TorchvisionList.networks()
    #expect(networks.count == 80)
    let known = Set(Registry.zoo.architectures.map(\.name))
    for name in networks.keys.sorted() { #expect(known.contains(name), "\(name)") }
  }

  @Test(arguments: TorchvisionList.names.filter { name in Registry.zoo.architectures.contains { $0.name == name } })
  func parametersNamesAndShapesAreTorchvisions(name: String) throws {
    let expected = try #require(try TorchvisionList.networks()[name])
    let model = try Registry.zoo.architecture(named: name).build()
    #expect(model.parameters.reduce(0) { $0 + $1.count } == expected.parameters)
    let cells = model.cellDescriptions
    #expect(cells.count == expected.entries)
    let lines = cells.map { cell in
      cell.shape.isEmpty ? cell.path : "\(cell.path) \(cell.shape.map(String.init).joined(separator: "x"))"
    }
    // `tools/torchvision_counts.py --lines NAME` prints torchvision's lines.
    #expect(Self.checksum(lines.sorted { Array($0.utf8).lexicographicallyPrecedes(Array($1.utf8)) }) == expected.names)
    #expect(Self.checksum(lines) == expected.order, "the order is another")
  }

  private static func checksum(_ lines: [String]) -> String {
    let sum = ByteRegion(Array(lines.map { $0 + "\n" }.joined().utf8)).crc32()
    let digits = String(sum, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
  }
}
