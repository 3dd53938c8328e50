import AviaryCheckpoints
import AviaryLayers
import AviaryModels
import AviaryTensors
import AviaryTestSupport
import Testing

@testable import AviaryKeras

/// Keras files of other people: what they hold, and what Keras itself put out for some of them.
@Suite struct KerasSharedTests {
  static let chains = [
    "cats_vs_dogs_cnn_keras2.4.h5", "dense_autoencoder_toycar_ad01.h5", "mario_lstm_hdf5_named.keras",
    "mnist_mlp_keras3.14.h5", "mnist_mlp_keras3.14.keras", "fashionmnist_cnn_keras3.10.keras",
    "dl4j/simple_lstm_tf_keras_1_model.h5", "dl4j/simple_lstm_tf_keras_2_model.h5",
    "dl4j/simple_rnn_tf_keras_2_model.h5", "dl4j/lstm_functional_tf_keras_2.h5", "dl4j/cnn_batch_norm.h5",
    "dl4j/dense_tensorflow_1.h5", "dl4j/dense_theano_1.h5", "dl4j/dense_tensorflow_2.h5",
    "dl4j/conv2d_tensorflow_1.h5", "dl4j/conv2d_tensorflow_2.h5", "dl4j/lstm_tensorflow_1.h5",
    "dl4j/simple_rnn_tensorflow_1.h5", "dl4j/bidirectional_lstm_tensorflow_2.h5", "dl4j/simpleconv2d_model.hdf5",
    "dl4j/issue_9560.h5", "resnet8_cifar10_mlperf_tiny.h5", "gender_mini_XCEPTION.21-0.95.hdf5",
  ]
  static let weights = [
    "squeezenet1_1_imagenet_notop_tf.h5", "textgenrnn_weights.hdf5", "dl4j/simple_lstm_tf_keras_1_weights.h5",
    "mnist_mlp_keras3.14.weights.h5",
  ]

  private static func path(_ file: String) throws -> String { try #require(SharedData.url("keras-h5/\(file)")).path }

  private static func chain(_ file: String) throws -> Checkpoint {
    let path = try path(file)
    return try Checkpoint.read(from: path).kerasNetwork(path: file).checkpoint
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"), arguments: chains)
  func chainsBecomeNetworks(file: String) throws {
    let checkpoint = try Self.chain(file)
    let model = try #require(try Registry.standard.model(from: checkpoint, path: file).model as? KerasNetwork)
    let shape = model.configuration.input.map { $0 ?? 5 }
    let given = shape.count == 2 ? [shape[1], shape[0]] : shape
    let y = inference {
      model.outputs(Tensor(Goldens.formula(count: 2 * given.reduce(1, *), k: 1, scale: 1), shape: [2] + given))
    }
    #expect(y.shape[0] == 2 && y.scalars.allSatisfy(\.isFinite))
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)"), arguments: weights)
  func weightsAloneHaveLayers(file: String) throws {
    let model = try #require(try Checkpoint.read(from: Self.path(file)).kerasModel)
    #expect(model.layers.contains { !$0.weights.isEmpty } && model.configuration == nil)
  }

  /// Keras's own outputs for its own inputs.
  @Test(
    .enabled(if: SharedData.isPresent, "\(SharedData.absence)"),
    arguments: ["simple_lstm_tf_keras_1", "simple_rnn_tf_keras_2"])
  func equalsKeras(name: String) throws {
    let model = try #require(
      try Registry.standard.model(from: Self.chain("dl4j/\(name)_model.h5"), path: name).model as? KerasNetwork)
    let recorded = try Checkpoint.read(from: Self.path("dl4j/\(name)_inputs_and_outputs.h5"))
    let x = try #require(recorded.entries.first { $0.path.hasPrefix("inputs/") }?.array)
    let input = try #require(x.tensor())
    let y = inference { model.outputs(input) }
    var compared = 0
    for entry in recorded.entries where entry.path.hasPrefix("predictions/") || entry.path == "activations/dense_1" {
      let expected = try #require(entry.array.doubles())
      expectClose(actual: y.scalars, expected: expected, name: entry.path)
      #expect(zip(y.scalars, expected).allSatisfy { abs(Double($0) - $1) <= 1e-5 })
      compared += 1
    }
    // "outputs" are what the model was to learn.
    #expect(compared == 2)
  }

  @Test(.enabled(if: SharedData.isPresent, "\(SharedData.absence)")) func oneModelInThreeContainers() throws {
    let (whole, archive) = (try Self.chain("mnist_mlp_keras3.14.h5"), try Self.chain("mnist_mlp_keras3.14.keras"))
    let weights = try Checkpoint.read(from: Self.path("mnist_mlp_keras3.14.weights.h5"))
    let cells = try Registry.standard.model(from: whole, path: "h5").model.cellDescriptions
    #expect(whole.entries.count == 8)
    #expect(CheckpointDifference(whole, archive).isEmpty)
    for mapping in [KerasMapping(), KerasMapping(byStructure: true)] {
      let mapped = try weights.mapped(onto: cells, headPath: nil, by: mapping, path: "weights.h5").checkpoint
      #expect(CheckpointDifference(whole, mapped).isEmpty)
    }
    // And onto a network of the zoo, whose names are others.
    let mlp = try Registry.standard.architecture(named: "mlp").build(
      configuration: JSONValue(encoding: MLP.Configuration(inputs: 784, hidden: [64, 32, 16], outputs: 10)))
    let mapped = try weights.mapped(
      onto: mlp.cellDescriptions, headPath: nil, by: KerasMapping(byStructure: true), path: "weights.h5"
    ).checkpoint
    #expect(mapped["fc1.weight"]?.floats() == whole["dense.weight"]?.floats())
    #expect(mapped["fc4.bias"]?.floats() == whole["dense_3.bias"]?.floats())
  }
}
