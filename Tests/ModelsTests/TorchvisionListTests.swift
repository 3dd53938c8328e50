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
  /// Networks of torchvision that the registry does not have yet; to be emptied.
  static let missing: Set<String> = [
    "convnext_base", "convnext_large", "convnext_small", "convnext_tiny",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4", "efficientnet_b5",
    "efficientnet_b6", "efficientnet_b7", "efficientnet_v2_l", "efficientnet_v2_m", "efficientnet_v2_s",
    "maxvit_t",
    "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
    "mobilenet_v3_large", "mobilenet_v3_small",
    "regnet_x_16gf", "regnet_x_1_6gf", "regnet_x_32gf", "regnet_x_3_2gf", "regnet_x_400mf", "regnet_x_800mf",
    "regnet_x_8gf",
    "regnet_y_128gf", "regnet_y_16gf", "regnet_y_1_6gf", "regnet_y_32gf", "regnet_y_3_2gf", "regnet_y_400mf",
    "regnet_y_800mf", "regnet_y_8gf",
    "swin_b", "swin_s", "swin_t", "swin_v2_b", "swin_v2_s", "swin_v2_t",
    "vit_b_16", "vit_b_32", "vit_h_14", "vit_l_16", "vit_l_32",
  ]

  @Test func everyNetworkIsInTheRegistryOrKnownToBeMissing() throws {
    let networks = try TorchvisionList.networks()
    #expect(networks.count == 80)
    let known = Set(Registry.zoo.architectures.map(\.name))
    for name in networks.keys.sorted() where !known.contains(name) {
      #expect(Self.missing.contains(name), "\(name)")
    }
    #expect(Self.missing.isSubset(of: networks.keys), "a name that torchvision does not have")
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
