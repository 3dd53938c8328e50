import AviaryTensors
import Testing

@testable import AviaryKeras

/// Functions, activations and norms put out what they put out in Keras: files of `tools/goldens_keras_operations.py`.
@Suite struct KerasOperationTests {
  private static let goldens = GoldenKerasModels(name: "operations")

  @Test(arguments: [
    "axes_of_functions.keras", "parts.keras", "elements.keras", "products.keras", "activations.keras", "norms.keras",
    "backwards.keras",
  ]) func equalsKeras(file: String) throws {
    try Self.goldens.expectKerassOutputs(file)
    try Self.goldens.expectExportedAsImported(file)
  }

  /// Which outputs Keras has with channels first is kept.
  @Test func outputsWithChannelsFirstAreTold() throws {
    let first = try Self.goldens.network("first_ends.keras")
    #expect(first.hasChannelsFirst && first.configuration.namedOutputs.map(\.isChannelsFirst) == [true, true, false])
    // What has no positions is the same in either order.
    let vector = try GoldenKerasModels(name: "graphs").network("first_axes.keras")
    #expect(!vector.hasChannelsFirst && vector.configuration.channelsFirst == nil)
  }
}
