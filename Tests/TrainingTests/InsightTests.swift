import AviaryDatasets
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTraining
import Testing

/// Looks into networks: features in few dimensions, and pictures that excite a channel.
@Suite struct InsightTests {
  @Test func componentsAreTheDirectionsOfTheLargestVariance() {
    // Along (0.6, 0.8) with a variance of 4, at right angles with one of 1/4.
    let along: [Float] = [-2, -2, 2, 2]
    let across: [Float] = [-0.5, 0.5, -0.5, 0.5]
    let rows = zip(along, across).flatMap { a, b -> [Float] in
      let x: Float = 0.6 * a - 0.8 * b + 7
      let y: Float = 0.8 * a + 0.6 * b - 3
      return [x, y]
    }
    let found = PrincipalComponents(of: Tensor(rows, shape: [4, 2]))
    let expected: [Float] = [0.6, 0.8, 0.8, 0.6]
    for (actual, expected) in zip(found.components.joined(), expected) {
      let difference = abs(actual) - expected
      #expect(abs(difference) < 1e-5)
    }
    let (first, second): (Double, Double) = (4 / 4.25, 0.25 / 4.25)
    #expect(abs(found.shares[0] - first) < 1e-6)
    #expect(abs(found.shares[1] - second) < 1e-6)
    for (place, expected) in zip(found.coordinates, along) { #expect(abs(place[0] - expected) < 1e-5) }
  }

  @Test func equalRowsHaveNoDirection() {
    let found = PrincipalComponents(of: Tensor(repeating: 3, shape: [5, 4]))
    #expect(found.shares == [0, 0] && found.coordinates.allSatisfy { $0 == [0, 0] })
  }

  @Test func ascentRaisesTheActivation() {
    let model = ResNet(.toy)
    model.initialize(seed: 3)
    let size = ImageSize(height: 32, width: 32)
    var ascent = ActivationMaximization()
    ascent.steps = 6
    let preprocessing = Preprocessing.torchvision().withSize(size)
    let first = ascent(model, layer: "layer1", channel: 1, preprocessing: preprocessing, size: size)
    let second = ascent(model, layer: "layer1", channel: 1, preprocessing: preprocessing, size: size)
    #expect(first.activation > first.start && first.image.width == 32)
    #expect(first.image == second.image && first.activation == second.activation)
  }
}
