import AviaryCheckpoints

/// The names that other programs give the layers of the zoo's networks, beside the layers and not in them, and in what
/// else their networks differ from the zoo's.
public enum ForeignNames {
  /// The network's path for each layer of its Keras original; empty where names agree or no original is known.
  public static func keras(architecture: String) -> [String: String] {
    kerasLayers[architecture] ?? [:]
  }

  /// The values of a network's configuration that weights from Keras need; none where Keras builds it as the zoo does.
  public static func kerasConfiguration(architecture: String) -> [JSONValue.Member] {
    kerasConfigurations[architecture] ?? []
  }

  private static let kerasLayers: [String: [String: String]] = [
    "squeezenet1_1": squeezeNet
  ]

  /// keras-squeezenet pools without padding and leaves out what does not fill a window; torchvision rounds up.
  private static let kerasConfigurations: [String: [JSONValue.Member]] = [
    "squeezenet1_1": [.init("poolRounding", .text("down"))]
  ]

  /// keras-squeezenet, after Caffe: `fire2/squeeze1x1`. torchvision counts the pools among its features.
  private static let squeezeNet: [String: String] = {
    var names = ["conv1": "features.0", "conv10": "classifier.1"]
    let places = [2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12]
    for (fire, place) in places {
      for part in ["squeeze", "expand1x1", "expand3x3"] {
        names["fire\(fire)/\(part == "squeeze" ? "squeeze1x1" : part)"] = "features.\(place).\(part)"
      }
    }
    return names
  }()
}
