// The names that other programs give the layers of the zoo's networks, beside the layers and not in them, and in what else
// their networks differ from the zoo's.

import AviaryCheckpoints
import AviaryDiagnostics

extension KerasOriginal {
  /// keras-squeezenet, after Caffe: `fire2/squeeze1x1`. torchvision counts the pools among its features. keras-squeezenet pools
  /// without padding and leaves out what does not fill a window; torchvision rounds up.
  static let squeezeNet: KerasOriginal = {
    var paths = ["conv1": "features.0", "conv10": "classifier.1"]
    let places = [2: 3, 3: 4, 4: 6, 5: 7, 6: 9, 7: 10, 8: 11, 9: 12]
    for (fire, place) in places {
      for part in ["squeeze", "expand1x1", "expand3x3"] {
        paths["fire\(fire)/\(part == "squeeze" ? "squeeze1x1" : part)"] = "features.\(place).\(part)"
      }
    }
    return KerasOriginal(paths: paths, configuration: [.init("poolRounding", .text("down"))])
  }()
}

extension RenamingRule {
  /// torchvision's vision transformers before 0.14: `mlp.linear_1` for `mlp.0`, and `mlp.linear_2` for `mlp.3`.
  static let olderVisionTransformers = [
    known(#"^(.*\.mlp)\.linear_1\.(weight|bias)$=$1.0.$2"#), known(#"^(.*\.mlp)\.linear_2\.(weight|bias)$=$1.3.$2"#),
  ]

  /// torchvision's DenseNets before 0.2.2, whose published files still have these names: `denselayer1.norm.1` for
  /// `denselayer1.norm1`.
  static let olderDenseNets = [
    known(
      #"^(.*denselayer\d+\.(?:norm|relu|conv))\.([12]\.(?:weight|bias|running_mean|running_var|num_batches_tracked))$=$1$2"#
    )
  ]

  private static func known(_ rule: String) -> RenamingRule {
    guard let rule = try? RenamingRule(rule) else { stopProgram("'\(rule)' is not a rule") }
    return rule
  }
}
