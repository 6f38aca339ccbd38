import numpy as np

from scellm.baselines.drug._kernel_baseline import KernelBaseline
from tests.responses import make_data


class FirstLine(KernelBaseline):
    def _coefficients(self, similar, values):
        out = np.zeros_like(values)
        out[0] = 1.0
        return out


def test_similarity_times_coefficients_beside_the_means():
    data = make_data()
    method = FirstLine("linear").fit(data.lines, data.responses)
    found = method.predict(data.lines, ["aspirin"])["aspirin"]
    z = (data.lines.X - data.lines.X.mean(0)) / (data.lines.X.std(0) + 1e-6)
    np.testing.assert_allclose(found - data.responses["aspirin"].mean(), z @ z[0] / z.shape[1], atol=1e-4)
