import AviaryTensors
import Testing

@testable import AviaryLayers

@Suite struct PrintingTests {
  @Test func aModelPrintsItself() {
    let network = TinyNetwork.filled()
    network.freezeBackbone()
    #expect(
      network.tree == """
        TinyNetwork  271
          conv1: Conv2d  weight [4, 2, 3, 3]  72  frozen
          bn1: BatchNorm  weight [4], bias [4]  8  frozen
          blocks: Sequential  176  frozen
            0: Conv2d  weight [4, 4, 3, 3], bias [4]  148  frozen
            1: relu
            2: MaxPool2d  frozen
            3: Sequential  28  frozen
              0: Conv2d  weight [4, 4, 1, 1], bias [4]  20  frozen
              1: BatchNorm  weight [4], bias [4]  8  frozen
          drop: Dropout  frozen
          fc: Linear  weight [3, 4], bias [3]  15
        271 parameters, 15 trainable, 256 frozen, 1,084 bytes
        """)
  }

  @Test func totalsAreGrouped() {
    #expect(Linear(1000, 1234).totals == "1,235,234 parameters, 1,235,234 trainable, 0 frozen, 4,940,936 bytes")
    #expect(Activation.relu.totals == "0 parameters, 0 trainable, 0 frozen, 0 bytes")
  }
}
